// `lonedot/testing`: what protocols and their programs are tested with. The framing kit of src/testing.ts, and a proxy
// that a test starts, looks into and breaks things with.
export {
  everySplit,
  FakeClock,
  memoryTransportPair,
  runTranscript,
  type SplitOptions,
  type TranscriptOptions,
} from '../src/testing.ts';
export { type ExpectOptions, NotSaidError, type Said, type Side } from './dialogue.ts';
export { type ProxyEffect, type ProxyEffects, type StartProxyOptions, startProxy, type TestProxy } from './proxy.ts';
