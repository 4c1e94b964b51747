// Whether and how to colour what people read. A terminal gets colour, a file or a pipe does not;
// NO_COLOR and FORCE_COLOR decide otherwise.

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 } as const;

export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour, text: string) => string;

/** A function that colours text for `stream`, or leaves it alone. */
export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Paint {
  const { NO_COLOR: never, FORCE_COLOR: force } = env;
  const colours = force !== undefined ? force !== '0' && force !== 'false' : !never && stream.isTTY === true;
  return colours ? (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m` : (_, text) => text;
}
