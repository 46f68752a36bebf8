import type { Random } from '../../../lib/random.js';
import type { Client } from '../client.js';
import type { Frame } from '../frame.js';
import { badFrame, emptyFragments, garbage, hugeMessage, textMessage } from './bytes.js';
import type { ConnectionAction } from './rule.js';

type Stray = Extract<ConnectionAction, { type: 'strayEvent' }>;

export interface ActionContext {
  /** Exchange time, epoch ms. */
  readonly now: number;
  readonly random: Random;
  /** The event that the action asks for, or null when every symbol is subscribed. */
  readonly strayFrame: (action: Stray) => Frame | null;
}

/** Does to a connection what a rule says. */
export function actOn(client: Client, action: ConnectionAction, context: ActionContext): void {
  switch (action.type) {
    case 'close':
      return action.code === 1006 ? client.reset() : client.close(action.code, action.reason);
    case 'end':
      return client.end();
    case 'freeze':
      return client.freeze();
    case 'text':
      return client.say(action.text);
    case 'event':
      return client.say(JSON.stringify(action.value));
    case 'serverShutdown':
      return client.say(JSON.stringify({ e: 'serverShutdown', E: context.now }));
    case 'strayEvent': {
      const frame = context.strayFrame(action);
      if (frame !== null) client.send(frame);
      return;
    }
    case 'badFrame':
      return client.sayRaw(badFrame(action.kind));
    case 'garbage':
      return client.sayRaw(garbage(action.bytes, context.random));
    case 'huge':
      for (const bytes of hugeMessage(action.bytes)) client.sayRaw(bytes);
      return;
    case 'fragments':
      return client.sayRaw(emptyFragments(action.count));
    case 'trickle':
      return trickle(client, textMessage(action.bytes), action.everyMs);
  }
}

/** A socket without Nagle's algorithm sends every write as a segment of its own. */
function trickle(client: Client, bytes: Buffer, everyMs: number): void {
  const release = client.seize();
  let sent = 0;
  const next = () => {
    client.sayRaw(bytes.subarray(sent, sent + 1));
    sent += 1;
    if (sent < bytes.length) client.later(everyMs, next);
    else release();
  };
  next();
}
