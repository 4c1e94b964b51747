// Counters that a server can be given: what its connections have done so far, for a status page or metrics.

export class ProtocolStats {
  /** Connections accepted so far, and those open now. */
  connections = 0;
  openConnections = 0;
  /** Frames that were completed on them. */
  messages = 0;
  bytesReceived = 0;
  bytesSent = 0;

  connectionOpened(): void {
    this.connections++;
    this.openConnections++;
  }

  connectionClosed(): void {
    this.openConnections--;
  }
}
