// Contestants that are programs: starts one on a free port, waits until it answers, reads its memory, ends it by pid.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

export const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** `command(port)` gives program and arguments. Resolves when the port accepts; `stop()` ends the process. */
export async function start(name, command, { quiet = true } = {}) {
  const port = await freePort();
  const [program, ...args] = command(port);
  const child = spawn(program, args.map(String), { stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'] });
  let gone = false;
  child.once('exit', () => {
    gone = true;
  });
  const until = Date.now() + 20_000;
  while (!(await answers(port))) {
    if (gone || Date.now() > until) throw new Error(`${name} did not start`);
    await new Promise((resume) => setTimeout(resume, 5));
  }
  return {
    name,
    port,
    pid: child.pid,
    /** User and system time so far. */
    cpuSeconds: () => {
      const stat = fs.readFileSync(`/proc/${child.pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    rssMb: () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'latin1'))[1]) / 1024,
    stop: () =>
      new Promise((resolve) => {
        if (gone) return resolve();
        child.once('exit', resolve);
        child.kill('SIGKILL');
      }),
  };
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The first Python that still has asynchat, or null. */
export async function pythonWithAsynchat() {
  for (const python of ['python3.11', 'python3', '/usr/bin/python3']) {
    const child = spawn(python, ['-W', 'ignore', '-c', 'import asynchat'], { stdio: 'ignore' });
    const found = await new Promise((resolve) => {
      child.once('error', () => resolve(false));
      child.once('exit', (code) => resolve(code === 0));
    });
    if (found) return python;
  }
  return null;
}
