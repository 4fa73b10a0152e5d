// Whom a servlet knows: it answers those who log in by HTTP's basic authentication, and nobody else.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const people = new Map(Object.entries(JSON.parse(process.env.PEOPLE ?? '{}')));

// Texts of any length are compared in a time that tells nothing.
function isSame(one, other) {
  const [left, right] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(left, right);
}

// The name of whoever has sent it with its password.
function loggedIn(authorization) {
  const [scheme, encoded] = (authorization ?? '').split(' ');
  const pair = Buffer.from(encoded ?? '', 'base64').toString();
  const at = pair.indexOf(':');
  const [name, password] = [pair.slice(0, at), pair.slice(at + 1)];
  const isRight = isSame(people.get(name) ?? '', password);
  return scheme.toLowerCase() === 'basic' && at > 0 && people.get(name) && isRight ? name : undefined;
}

// Serves GET / on loopback, and prints the port; `made` makes what somebody is answered.
export function serve(port, made) {
  const server = createServer(async (request, response) => {
    const name = loggedIn(request.headers.authorization);
    if (request.method !== 'GET' || request.url !== '/' || name === undefined) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="phone"' }).end();
      return;
    }
    try {
      const body = JSON.stringify(await made(name));
      const length = Buffer.byteLength(body);
      const headers = { 'Content-Type': 'application/json', 'Content-Length': length, 'Cache-Control': 'no-store' };
      response.writeHead(200, headers).end(body);
    } catch (error) {
      console.error(error.message);
      response.writeHead(502).end();
    }
  });
  server.listen(port, '127.0.0.1', () => console.log(server.address().port));
}
