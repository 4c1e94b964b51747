// The testing kit of the framing core, which `lonedot/testing` exports with the rest (testing/index.ts): what the framing core is tested with, for protocols built on it.
// A parser that passes everySplit() does not care how the network cut its bytes; a dialogue written down as a
// transcript runs over the in-memory pair and over a socket alike; a FakeClock makes deadlines pass without waiting.
export { FakeClock } from './clock.ts';
export { everySplit, type SplitOptions } from './every-split.ts';
export { memoryTransportPair } from './memory-transport.ts';
export { runTranscript, type TranscriptOptions } from './transcript.ts';
