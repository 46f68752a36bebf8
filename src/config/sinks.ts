import * as z from 'zod/mini';
import { Secret } from '../lib/secret.js';
import { distinct, list, NAME, numberBetween, oneOf, path, secret, text } from './values.js';

const TYPES = ['webhook', 'telegram', 'discord', 'slack', 'file'] as const;
const STATUSES = ['provisional', 'confirmed', 'revoked', 'expired'] as const;

const fromEnvironment = (what: string, field: string) =>
  `${what}, from the environment only (CANDLESCAN_NOTIFY__SINKS__<NAME>__${field})`;

const webUrl = (value: string) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);

const common = {
  name: text(NAME, 'lower-case letters, digits and single dashes, beginning with a letter'),
  statuses: z.prefault(
    list(oneOf(STATUSES), 'signal statuses').check(
      z.minLength(1, { error: 'at least one signal status' }),
      distinct(String, 'each signal status once'),
    ),
    ['confirmed'],
  ),
  minStrength: z.prefault(numberBetween(0, 1), 0),
  analyzers: z.prefault(z.nullable(list(text(NAME, 'the name of an analyzer'), 'analyzer names')), null),
};

const fields = (more: string) => ({ error: `a map of name, type, ${more}, statuses, minStrength, analyzers` });

const secretUrl = () => {
  const error = fromEnvironment('an https url', 'URL');
  return secret(/^https?:\/\/\S+$/, error);
};

const webhookUrl = () => {
  const error =
    'an http or https url; one with credentials or a query from the environment only (CANDLESCAN_NOTIFY__SINKS__<NAME>__URL)';
  return z.pipe(
    text(/^https?:\/\/\S+$/, error).check(z.refine(webUrl, { error })),
    z.transform((value) => new Secret(value)),
  );
};

const bearer = () => secret(/^[\x21-\x7e]+$/, fromEnvironment('a token of visible ASCII characters', 'TOKEN'));

const chatId = () => {
  const error = 'the id of a chat, such as -1001234567890 or @channel';
  return z.pipe(
    z.union([z.int(), z.string().check(z.regex(/^(-?\d+|@\w+)$/))], { error }),
    z.transform((value) => String(value)),
  );
};

/** Where notifications go. Secrets are `Secret`s; what a sink may leave out has its default here. */
export const sink = () =>
  z.discriminatedUnion(
    'type',
    [
      z.strictObject(
        { ...common, type: z.literal('webhook'), url: webhookUrl(), token: z.prefault(z.nullable(bearer()), null) },
        fields('url, token'),
      ),
      z.strictObject(
        { ...common, type: z.literal('telegram'), token: bearer(), chatId: chatId() },
        fields('token, chatId'),
      ),
      z.strictObject({ ...common, type: z.literal('discord'), url: secretUrl() }, fields('url')),
      z.strictObject({ ...common, type: z.literal('slack'), url: secretUrl() }, fields('url')),
      z.strictObject({ ...common, type: z.literal('file'), path: path() }, fields('path')),
    ],
    { error: `a sink of type ${TYPES.join(', ')}` },
  );

/** Whether a webhook's url could give access to something: then it is a secret like a token. */
export function carriesCredentials(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { username, password, search } = new URL(url);
  return username !== '' || password !== '' || search !== '';
}
