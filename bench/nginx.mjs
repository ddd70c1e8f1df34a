// nginx with a layer of its own for each of ours that it has: an address list, tokens, a limit and a log. It reads no message,
// keeps no session and its log can be changed by anybody, so the distance to it is what all of that costs.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder } from './contenders.mjs';
import { adopt, freePort, MEASURED, onProcessor, untilListening } from './process.mjs';

const PROGRAM = 'nginx';
const ADDRESSES = 50;
const TOKENS = 1_000;

export const isInstalled = () => spawnSync(PROGRAM, ['-v']).status === 0;

/** Such as `nginx/1.22.1`. */
export const version = () => spawnSync(PROGRAM, ['-v']).stderr.toString().split(' ').at(-1).trim();

function configuration({ port, upstream, token, folder }) {
  const addresses = Array.from({ length: ADDRESSES }, (_, i) => `allow 10.${i}.0.0/16; deny 10.${i + 100}.0.0/16;`);
  const tokens = Array.from({ length: TOKENS }, (_, i) => `"Bearer ${randomBytes(32).toString('hex')}" "caller-${i}";`);
  return `
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  map_hash_max_size 8192;
  map_hash_bucket_size 256;
  map $http_authorization $caller {
    default "";
    "Bearer ${token}" "bench";
    ${tokens.join('\n    ')}
  }
  limit_req_zone $caller zone=calls:10m rate=1000000r/s;
  log_format record escape=json '{"time":"$time_iso8601","from":"$remote_addr","caller":"$caller","request":"$request","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time}';
  access_log ${folder}/record.log record buffer=64k flush=1s;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream server { server 127.0.0.1:${upstream}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      ${addresses.join('\n      ')}
      allow 127.0.0.1;
      deny all;
      if ($caller = "") { return 401; }
      limit_req zone=calls burst=100000 nodelay;
      proxy_buffers 8 64k;
      proxy_buffer_size 16k;
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;
}

/** One worker on the measured processor. What is measured is the worker. */
export async function startNginx(upstream, paths) {
  const folder = newFolder('nginx-');
  const token = randomBytes(32).toString('hex');
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration({ port, upstream: upstream.ready.port, token, folder }), { mode: 0o600 });
  const [program, ...args] = onProcessor(MEASURED, [PROGRAM, '-p', folder, '-c', file]);
  const master = adopt(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }), PROGRAM);
  await untilListening(port, master);
  const [worker] = readFileSync(`/proc/${master.pid}/task/${master.pid}/children`, 'latin1').split(' ');
  return { name: 'nginx', process: { ...master, pid: Number(worker) }, target: { port, paths, token } };
}
