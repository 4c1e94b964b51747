// A chat room: what one says, all the others hear. The first line is the name.
//
// Broadcasting is where output pressure matters: one member who does not read must neither stop the room nor make it
// remember everything said since. push() answers false when too much waits for a member: that one is shown the door.
//
//   node --import tsx examples/chat-room.ts 7004     then, twice: nc 127.0.0.1 7004
import { type AddressInfo, createServer } from 'node:net';
// In your own program: from 'lonedot'.
import { AsyncChat, socketTransport, type Transport } from '../src/index.ts';

const LF = Buffer.from('\n');

export class Room {
  private readonly members = new Set<Member>();

  get names(): string[] {
    return [...this.members].map((member) => member.name).sort();
  }

  enter(member: Member): boolean {
    if (this.names.includes(member.name)) return false;
    this.tell(`* ${member.name} has entered`);
    this.members.add(member);
    return true;
  }

  leave(member: Member): void {
    if (this.members.delete(member)) this.tell(`* ${member.name} has left`);
  }

  tell(line: string, from?: Member): void {
    const bytes = Buffer.from(`${line}\r\n`, 'utf8');
    for (const member of this.members) {
      if (member !== from && !member.push(bytes)) member.abort(new Error('does not read'));
    }
  }
}

export class Member extends AsyncChat {
  name = '';
  private readonly room: Room;
  private pieces: Buffer[] = [];

  constructor(transport: Transport, room: Room) {
    super(transport, { timeouts: { frame: 30_000 } });
    this.room = room;
    this.setTerminator(LF, { maxFrame: 1000, overlong: 'discard' });
    this.say('your name?');
  }

  protected override collectIncomingData(data: Buffer): void {
    this.pieces.push(Buffer.from(data));
  }

  protected override foundTerminator(): void {
    const line = Buffer.concat(this.pieces.splice(0)).toString('utf8').trim();
    if (this.name !== '') this.room.tell(`${this.name}: ${line}`, this);
    else this.introduce(line);
  }

  protected override handleOverlong(): void {
    this.pieces = [];
  }

  /** The one place that every connection passes, however it ends. */
  protected override handleClose(): void {
    this.room.leave(this);
  }

  private introduce(name: string): void {
    if (/^[\p{L}\p{N}_-]{1,20}$/u.test(name)) {
      this.name = name;
      if (this.room.enter(this)) this.say(`* here: ${this.room.names.join(', ')}`);
      else {
        this.name = '';
        this.say('somebody has that name');
      }
    } else this.say('letters and digits, please');
  }

  private say(line: string): void {
    this.push(Buffer.from(`${line}\r\n`, 'utf8'));
  }
}

if (process.argv[1] === import.meta.filename) {
  const room = new Room();
  const server = createServer({ allowHalfOpen: true }, (socket) => void new Member(socketTransport(socket), room));
  server.listen(Number(process.argv[2] ?? 7004), '127.0.0.1', () => {
    console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}
