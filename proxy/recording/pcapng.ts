// Recordings for Wireshark: each connection as a TCP stream, made up from what was seen of it. Addresses and ports are
// the real ones where there are any; the handshake, acknowledgements and checksums are ours, since the proxy never saw
// those of the wire. Blocks: draft-ietf-opsawg-pcapng; link type 101 (raw IP).
import type { DialogueEvent, FrameEvent, SideName } from '../dialogue/event.ts';
import type { Scribe } from '../dialogue/watcher.ts';
import { ACK, FIN, PSH, RST, SYN, tcpPacket } from './packet.ts';

/** So that a packet with its headers fits into the 16 bits of IP's length. */
const MOST_BYTES = 32_768;
const LINKTYPE_RAW = 101;
const MOST_STREAMS = 65_536;

interface Stream {
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** Bytes of each side so far, with its SYN and FIN. */
  readonly next: Record<SideName, number>;
  readonly ended: Record<SideName, boolean>;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export class PcapScribe implements Scribe {
  readonly keepSecrets: boolean;
  private readonly streams = new Map<number, Stream>();
  private started = false;

  constructor(keepSecrets: boolean) {
    this.keepSecrets = keepSecrets;
  }

  event(event: DialogueEvent): Buffer {
    const blocks = this.header();
    if (event.type === 'open') this.open(event, blocks);
    const stream = this.streams.get(event.conn);
    if (stream) this.go(event, stream, blocks);
    return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks);
  }

  /** Offsets go on behind what was lost: Wireshark shows a gap. */
  lost(): Buffer {
    return Buffer.alloc(0);
  }

  end(): Buffer {
    return Buffer.concat(this.header());
  }

  private header(): Buffer[] {
    if (this.started) return [];
    this.started = true;
    return [sectionHeader(), interfaceDescription()];
  }

  private open(event: DialogueEvent & { type: 'open' }, blocks: Buffer[]): void {
    const [client, server] = [endpoint(event.client, 49_152 + (event.conn % 16_384)), endpoint(event.upstream, 1)];
    // Both must be of one family.
    const isSix = client.address.includes(':') || server.address.includes(':');
    const stream: Stream = {
      client: isSix ? asSix(client) : client,
      server: isSix ? asSix(server) : server,
      next: { client: 0, server: 0 },
      ended: { client: false, server: false },
    };
    this.streams.set(event.conn, stream);
    // Ends may be among what was lost.
    if (this.streams.size > MOST_STREAMS) this.streams.delete(this.streams.keys().next().value!);
    const { time } = event;
    blocks.push(packet(stream, 'client', time, SYN), packet(stream, 'server', time, SYN | ACK));
    stream.next.client = stream.next.server = 1;
    blocks.push(packet(stream, 'client', time, ACK));
  }

  private go(event: DialogueEvent, stream: Stream, blocks: Buffer[]): void {
    if (event.type === 'frame') data(event, stream, blocks);
    else if (event.type === 'end') fin(stream, event.from, event.time, blocks);
    else if (event.type === 'close') {
      this.streams.delete(event.conn);
      if (event.error === '') for (const side of ['client', 'server'] as const) fin(stream, side, event.time, blocks);
      else blocks.push(packet(stream, 'server', event.time, RST | ACK));
    }
  }
}

function data({ from, bytes, offset, time }: FrameEvent, stream: Stream, blocks: Buffer[]): void {
  for (let start = 0; start < bytes.length; start += MOST_BYTES) {
    stream.next[from] = 1 + offset + start;
    const piece = bytes.subarray(start, start + MOST_BYTES);
    blocks.push(packet(stream, from, time, PSH | ACK, piece));
    stream.next[from] += piece.length;
  }
}

function fin(stream: Stream, from: SideName, time: number, blocks: Buffer[]): void {
  if (stream.ended[from]) return;
  stream.ended[from] = true;
  blocks.push(packet(stream, from, time, FIN | ACK));
  stream.next[from]++;
  blocks.push(packet(stream, other(from), time, ACK));
}

function packet(stream: Stream, from: SideName, time: number, flags: number, bytes?: Buffer): Buffer {
  const to = other(from);
  const segment = {
    flags,
    seq: stream.next[from],
    ack: (flags & ACK) === 0 ? 0 : stream.next[to] || 1,
    bytes: bytes ?? Buffer.alloc(0),
  };
  return enhancedPacket(time, tcpPacket(stream[from], stream[to], segment));
}

function other(side: SideName): SideName {
  return side === 'client' ? 'server' : 'client';
}

/** Of `127.0.0.1:25` or `[::1]:25`; names and unix sockets become addresses that belong to nobody (RFC 5737). */
export function endpoint(text: string, otherwise: number): Endpoint {
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  const address = found?.[1] ?? found?.[2] ?? '';
  const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(address) || address.includes(':');
  return { address: isAddress ? address : '192.0.2.1', port: found ? Number(found[3]) : otherwise };
}

function asSix({ address, port }: Endpoint): Endpoint {
  return { address: address.includes(':') ? address : `::ffff:${address}`, port };
}

function block(type: number, body: Buffer): Buffer {
  const padded = (body.length + 3) & ~3;
  const result = Buffer.alloc(12 + padded);
  result.writeUInt32LE(type, 0);
  result.writeUInt32LE(result.length, 4);
  body.copy(result, 8);
  result.writeUInt32LE(result.length, 8 + padded);
  return result;
}

function sectionHeader(): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(0x1a2b3c4d, 0);
  body.writeUInt16LE(1, 4);
  // The section's length is not known.
  body.fill(0xff, 8);
  return block(0x0a0d0d0a, body);
}

/** Times in microseconds, which is the default. */
function interfaceDescription(): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(LINKTYPE_RAW, 0);
  return block(1, body);
}

function enhancedPacket(time: number, bytes: Buffer): Buffer {
  const body = Buffer.alloc(20 + bytes.length);
  const microseconds = BigInt(Math.round(time * 1000));
  body.writeUInt32LE(Number(microseconds >> 32n), 4);
  body.writeUInt32LE(Number(microseconds & 0xffffffffn), 8);
  body.writeUInt32LE(bytes.length, 12);
  body.writeUInt32LE(bytes.length, 16);
  bytes.copy(body, 20);
  return block(6, body);
}
