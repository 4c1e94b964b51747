// One sink for all workers of `mocha --parallel`: started before them, stopped behind them. Each worker connects to it
// and takes a namespace.
//
//   mocha --parallel --require examples/testing/mocha-setup.ts 'examples/testing/*.mocha.ts'
import { type Sink, startSink } from '../../testing/index.ts';

let sink: Sink;

export async function mochaGlobalSetup(): Promise<void> {
  sink = await startSink({ http: true });
  process.env['MAIL_SINK'] = sink.http!;
}

export async function mochaGlobalTeardown(): Promise<void> {
  await sink.close();
}
