// `lonedot/testing`: what protocols and their programs are tested with. The framing kit of src/testing.ts, a proxy that a
// test starts, looks into and breaks things with, and a sink that it waits for mail with.
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
export { MailExpectationError, type Miss } from './sink/expectation-error.ts';
export type { AddressMatch, MailFilter, TextMatch } from './sink/filter.ts';
export type { Attachment, Mail, MailEnvelope, MailHeaders } from './sink/mail.ts';
export type {
  Fault,
  Faults,
  MailScope,
  Namespace,
  NewFault,
  QuietOptions,
  Sink,
  SmtpSettings,
  WaitOptions,
} from './sink/sink.ts';
export { type ConnectSinkOptions, connectSink, type StartSinkOptions, startSink } from './sink/start.ts';
export type { Transcript } from './sink/transcript.ts';
export { type Talk, type TalkOptions, talkTo } from './talk.ts';
