import { Command } from 'commander';
import { type CommonOptions, configOf, withCommonOptions } from './common.js';
import { EXIT, type Io } from './io.js';

export function configCommand(io: Io, done: (exitCode: number) => void): Command {
  const command = new Command('config').description('shows the configuration');
  command.addCommand(
    withCommonOptions(new Command('print'))
      .description('the effective configuration with the origin of each value; secrets are masked')
      .action(async (options: CommonOptions) => {
        const { printConfig } = await import('../config/print.js');
        io.stdout.write(printConfig(await configOf(options, io), { json: options.json }));
        done(EXIT.done);
      }),
  );
  command.addCommand(
    withCommonOptions(new Command('schema'))
      .description('prints the JSON Schema of the configuration')
      .action(async () => {
        const { configSchema } = await import('../config/json-schema.js');
        io.stdout.write(`${JSON.stringify(configSchema(), null, 2)}\n`);
        done(EXIT.done);
      }),
  );
  return command;
}
