// Contestants that are programs: starts one on a free port, waits until it answers, reads its CPU and memory (children
// included), ends it by pid.
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

/**
 * `command(port)` gives program and arguments. Resolves when the port accepts; `stop()` ends the process and its
 * children. `output(text)` is given what it prints; with `stalled` that goes into a pipe that nobody reads.
 */
export async function start(name, command, { quiet = true, output, stalled, port: given } = {}) {
  const port = given ?? (await freePort());
  const [program, ...args] = command(port);
  const stdout = output || stalled ? 'pipe' : quiet ? 'ignore' : 'inherit';
  const child = spawn(program, args.map(String), { stdio: ['ignore', stdout, quiet === 'all' ? 'ignore' : 'inherit'] });
  if (output) child.stdout.setEncoding('latin1').on('data', output);
  let gone = false;
  child.once('error', () => {
    gone = true;
  });
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
    /** User and system time so far, that of children included. */
    cpuSeconds: () => {
      let ticks = 0;
      for (const { fields } of family(child.pid)) for (let i = 11; i <= 14; i++) ticks += Number(fields[i]);
      return ticks / 100;
    },
    rssMb: () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'latin1'))[1]) / 1024,
    stop: async () => {
      const pids = family(child.pid).map(({ pid }) => pid);
      const exited = gone || new Promise((resolve) => child.once('exit', resolve));
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // Gone with its parent.
        }
      }
      await exited;
    },
  };
}

/** The process and all that descend from it, with the fields of its /proc stat that follow the name. */
function family(root) {
  const all = fs
    .readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const stat = fs.readFileSync(`/proc/${entry}/stat`, 'latin1');
        return [{ pid: Number(entry), fields: stat.slice(stat.lastIndexOf(')') + 2).split(' ') }];
      } catch {
        return [];
      }
    });
  const found = all.filter(({ pid }) => pid === root);
  for (const one of found) found.push(...all.filter(({ fields }) => Number(fields[1]) === one.pid));
  return found;
}

/** Whether somebody listens there. */
export function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Where a program is, or null. Servers are often outside of a user's PATH. */
export function findProgram(name, folders = []) {
  const places = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/lib/postfix/sbin', ...folders];
  return places.map((folder) => `${folder}/${name}`).find((path) => fs.existsSync(path)) ?? null;
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
