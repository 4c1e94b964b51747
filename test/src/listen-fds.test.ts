import { expect } from 'chai';
import { inheritedFds } from '../../src/listen-fds.ts';

describe('inheritedFds', () => {
  const env = (fds: string, names?: string, pid = '42') => ({
    LISTEN_PID: pid,
    LISTEN_FDS: fds,
    LISTEN_FDNAMES: names,
  });

  it('numbers them from 3 and names them', () => {
    expect(inheritedFds(env('2', 'smtp:web'), 42)).to.deep.equal([
      { fd: 3, name: 'smtp' },
      { fd: 4, name: 'web' },
    ]);
  });

  it('says unknown where a name is missing', () => {
    const names = (text?: string) => inheritedFds(env('3', text), 42).map(({ name }) => name);
    expect(names()).to.deep.equal(['unknown', 'unknown', 'unknown']);
    expect(names('a')).to.deep.equal(['a', 'unknown', 'unknown']);
    expect(names('a::c:d')).to.deep.equal(['a', 'unknown', 'c']);
  });

  it('has none that were meant for another process', () => {
    expect(inheritedFds(env('1', 'smtp', '41'), 42)).to.deep.equal([]);
    expect(inheritedFds(env('1', 'smtp', '042'), 42)).to.deep.equal([]);
    expect(inheritedFds({ LISTEN_FDS: '1' }, 42)).to.deep.equal([]);
  });

  for (const count of ['', '0', '-1', 'x', '1.5', ' 1', '01', '1025', '99999999999']) {
    it(`has none for the count ${JSON.stringify(count)}`, () => expect(inheritedFds(env(count), 42)).to.deep.equal([]));
  }

  it('takes as many as anybody hands over', () => expect(inheritedFds(env('1024'), 42)).to.have.length(1024));

  it('reads the environment of this process if not told otherwise', () => {
    expect(inheritedFds({})).to.deep.equal([]);
    expect(inheritedFds(env('1', 'x', String(process.pid)))).to.deep.equal([{ fd: 3, name: 'x' }]);
  });
});
