// The signature of a webhook: `X-Lonedot-Signature: t=1795359600,v1=<hex>`, an HMAC-SHA256 under the shared secret over the
// time, a dot, and the body. With the time in it, what was overheard cannot be sent again much later.
import { createHmac } from 'node:crypto';

/** `at`: milliseconds since the epoch; the signature has seconds. */
export async function signatureOf(
  secret: string,
  at: number,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<string> {
  const seconds = Math.floor(at / 1000);
  const hmac = createHmac('sha256', secret).update(`${seconds}.`);
  for await (const piece of body) hmac.update(piece);
  return `t=${seconds},v1=${hmac.digest('hex')}`;
}
