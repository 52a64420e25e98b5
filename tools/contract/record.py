#!/usr/bin/env python3
"""Record the token API of an InfluxDB 3 server, step by step.

    record.py --server 'influxdb3' --out recording.json

SERVER is a command that understands `serve` with influxdb3's own flags: the real
binary, or anything that takes the same ones (--node-id, --object-store memory|file,
--data-dir, --http-bind, --admin-token-recovery-http-bind, --without-auth,
--disable-authz, --tls-key, --tls-cert, --admin-token-file). Every scenario starts a
server of its own on the loopback interface and stops it again. Compare two recordings
with compare.py. Needs python3 and openssl.
"""

import argparse
import atexit
import base64
import hashlib
import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

ap = argparse.ArgumentParser()
ap.add_argument('--server', required=True)
ap.add_argument('--out', required=True)
ap.add_argument('--serve-flags', default='', help='further flags for serve, in one string')
ap.add_argument('--only', help='one scenario by name')
A = ap.parse_args()
WORK = tempfile.mkdtemp(prefix='contract-')
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
RUNNING = []
atexit.register(lambda: [p.kill() for p in RUNNING if p.poll() is None])
scenarios = []


def free_port():
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    p = s.getsockname()[1]
    s.close()
    return p


class Server:
    """A server on the loopback interface, with the flags of one scenario."""

    def __init__(self, flags=(), data=None, recovery=False, tls=None):
        self.port, self.rport, self.tls = free_port(), free_port(), tls
        self.flags = ['--object-store', 'file', '--data-dir', data] if data else ['--object-store', 'memory']
        if recovery:
            self.flags += ['--admin-token-recovery-http-bind', f'127.0.0.1:{self.rport}']
        self.flags += list(flags)
        self.args = (
            shlex.split(A.server)
            + ['serve', '--node-id', 'n1', '--http-bind', f'127.0.0.1:{self.port}', '--disable-telemetry-upload']
            + shlex.split(A.serve_flags)
            + self.flags
        )

    def start(self):
        self.log = open(os.path.join(WORK, f'{self.port}.log'), 'ab')
        self.p = subprocess.Popen(self.args, stdout=self.log, stderr=self.log)
        RUNNING.append(self.p)
        for _ in range(300):
            try:
                c = self.conn()
                c.request('GET', '/ping')
                c.getresponse().read()
                return self
            except OSError:
                if self.p.poll() is not None:
                    raise SystemExit(f'server died: {self.args}\n' + open(self.log.name).read()[-2000:])
                time.sleep(0.1)
        raise SystemExit(f'server did not answer: {self.args}')

    def conn(self, port=None):
        if self.tls:
            return http.client.HTTPSConnection(
                '127.0.0.1', port or self.port, timeout=30, context=ssl._create_unverified_context()
            )
        return http.client.HTTPConnection('127.0.0.1', port or self.port, timeout=30)

    def stop(self, sig=signal.SIGTERM):
        self.p.send_signal(sig)
        self.p.wait(20)


class Scenario:
    """What one server was asked, and what it answered."""

    def __init__(self, name, server, about, flags):
        self.s = server
        self.d = {'scenario': name, 'about': about, 'server_flags': flags, 'steps': []}
        scenarios.append(self.d)

    def do(self, note, method, target, token=None, headers=None, body=None, port='main', auth=None):
        h = {'Accept': '*/*'}
        if token:
            h['Authorization'] = 'Bearer ' + token
        if auth is not None:
            h['Authorization'] = auth
        if headers:
            h.update(headers)
        b = body
        if isinstance(body, (dict, list)):
            b = json.dumps(body)
            h.setdefault('Content-Type', 'application/json')
        step = {
            'note': note,
            'request': {'listener': port, 'method': method, 'target': target, 'headers': h, 'body': b},
        }
        try:
            c = self.s.conn(self.s.rport if port == 'recovery' else self.s.port)
            c.request(method, target, body=b.encode() if isinstance(b, str) else b, headers=h)
            r = c.getresponse()
            raw = r.read().decode('utf8', 'replace')
            step['response'] = {
                'status': r.status,
                'headers': {k: v for k, v in r.getheaders() if k.lower() not in ('date',)},
                'body': raw,
            }
        except Exception as e:
            step['response'] = {'error': type(e).__name__ + ': ' + str(e)}
        self.d['steps'].append(step)
        return step['response']


def tok(r):
    """The token in a reply that made one."""
    return json.loads(r['body'])['token']


def public(flags):
    """Flags without what is of this run alone."""
    return ['FILE' if WORK in f else 'ADDRESS' if f.startswith('127.') else f for f in flags]


REG = '/api/v3/configure/token/admin/regenerate'
ADM = '/api/v3/configure/token/admin'
NAM = '/api/v3/configure/token/named_admin'
DEL = '/api/v3/configure/token'
Q = '/api/v3/query_sql'


def q(sql, db='_internal', params=None):
    d = {'db': db, 'q': sql, 'format': 'json'}
    if params:
        d['params'] = params
    return d


ALL = 'SELECT * FROM system.tokens'


def run(name, about, fn, **kw):
    """Records one scenario on a server of its own."""
    if A.only and A.only != name:
        return
    print('==', name, flush=True)
    s = Server(**kw).start()
    try:
        fn(Scenario(name, s, about, public(s.flags)), s)
    finally:
        try:
            s.stop()
        except Exception as e:
            print(e)


def bootstrap(c, s):
    c.do('ping before any token, no auth', 'GET', '/ping')
    c.do('health before any token, no auth', 'GET', '/health')
    c.do('query before any token', 'POST', Q, body=q(ALL))
    r = c.do('create the operator token: no authentication', 'POST', ADM)
    t = tok(r)
    c.do('create it again', 'POST', ADM)
    c.do('create it again, with the token', 'POST', ADM, token=t)
    c.do('ping with token', 'GET', '/ping', token=t)
    c.do('ping POST with token', 'POST', '/ping', token=t)
    c.do('ping HEAD with token', 'HEAD', '/ping', token=t)
    c.do('health with token', 'GET', '/health', token=t)
    c.do('ping without token', 'GET', '/ping')
    c.do('ping with unknown token', 'GET', '/ping', token='apiv3_' + 'A' * 86)
    c.do('ping with a token of another shape', 'GET', '/ping', token='hello')
    c.do('Token scheme', 'GET', '/ping', auth='Token ' + t)
    c.do('lower-case bearer scheme', 'GET', '/ping', auth='bearer ' + t)
    c.do('two spaces', 'GET', '/ping', auth='Bearer  ' + t)
    c.do('no scheme', 'GET', '/ping', auth=t)
    c.do('Basic scheme', 'GET', '/ping', auth='Basic ' + base64.b64encode(b'x:' + t.encode()).decode())
    c.do('empty bearer', 'GET', '/ping', auth='Bearer ')
    c.do('unknown route with token', 'GET', '/api/v3/nope', token=t)
    c.do('unknown route without token', 'GET', '/api/v3/nope')
    c.do('wrong method', 'GET', ADM, token=t)
    c.do(
        'enterprise token route on Core',
        'POST',
        '/api/v3/enterprise/configure/token',
        token=t,
        body={
            'token_name': 'x',
            'permissions': [{'resource_type': 'db', 'resource_names': ['*'], 'actions': ['read']}],
        },
    )
    c.do('databases with token', 'GET', '/api/v3/configure/database?format=json', token=t)
    c.do('tokens', 'POST', Q, token=t, body=q(ALL))


def regen(c, s):
    t = tok(c.do('create the operator token', 'POST', ADM))
    c.do('regenerate without auth', 'POST', REG)
    c.do('regenerate with unknown token', 'POST', REG, token='apiv3_' + 'B' * 86)
    c.do('old still valid', 'GET', '/ping', token=t)
    t2 = tok(c.do('regenerate with the operator token', 'POST', REG, token=t))
    c.do('old token after', 'GET', '/ping', token=t)
    c.do('new token', 'GET', '/ping', token=t2)
    c.do('regenerate with the dead token', 'POST', REG, token=t)
    c.do('tokens after one regenerate', 'POST', Q, token=t2, body=q(ALL))
    n = tok(c.do('named admin', 'POST', NAM, token=t2, body={'token_name': 'automation'}))
    t3 = tok(c.do('regenerate with a named admin token (Core allows it)', 'POST', REG, token=n))
    c.do('operator token before', 'GET', '/ping', token=t2)
    c.do('operator token after', 'GET', '/ping', token=t3)
    c.do('named admin token unaffected', 'GET', '/ping', token=n)
    c.do('tokens after', 'POST', Q, token=t3, body=q(ALL))
    t4 = tok(c.do('regenerate with a body', 'POST', REG, token=t3, body={'token_name': '_admin', 'expiry_secs': 60}))
    c.do('tokens after (was the body used?)', 'POST', Q, token=t4, body=q(ALL))
    c.do('GET on regenerate', 'GET', REG, token=t4)


def named(c, s):
    t = tok(c.do('create the operator token', 'POST', ADM))
    n1 = tok(c.do('no expiry', 'POST', NAM, token=t, body={'token_name': 'ci'}))
    c.do('null expiry', 'POST', NAM, token=t, body={'token_name': 'ci-null', 'expiry_secs': None})
    n2 = tok(c.do('expiry 2 s', 'POST', NAM, token=t, body={'token_name': 'short', 'expiry_secs': 2}))
    c.do('short-lived works', 'GET', '/ping', token=n2)
    c.do('expiry 30 days', 'POST', NAM, token=t, body={'token_name': 'month', 'expiry_secs': 2592000})
    c.do('duplicate name', 'POST', NAM, token=t, body={'token_name': 'ci'})
    c.do('no auth', 'POST', NAM, body={'token_name': 'x1'})
    c.do('bad json', 'POST', NAM, token=t, headers={'Content-Type': 'application/json'}, body='{')
    c.do('no content type', 'POST', NAM, token=t, body='{"token_name":"x2"}')
    c.do('missing name', 'POST', NAM, token=t, body={'expiry_secs': 5})
    c.do('extra field', 'POST', NAM, token=t, body={'token_name': 'x3', 'zzz': 1})
    c.do('wrong field name', 'POST', NAM, token=t, body={'name': 'x4'})
    c.do('empty body', 'POST', NAM, token=t, headers={'Content-Type': 'application/json'}, body='')
    for nm in [
        '',
        'with space',
        'slash/name',
        'q?a=b&c=d#f',
        'quote\'s"',
        'ünïcode-日本',
        '_admin',
        'x' * 300,
        'a\nb',
        'CI',
    ]:
        c.do('name ' + repr(nm)[:40], 'POST', NAM, token=t, body={'token_name': nm})
    c.do('expiry 0', 'POST', NAM, token=t, body={'token_name': 'zero', 'expiry_secs': 0})
    c.do('expiry negative', 'POST', NAM, token=t, body={'token_name': 'neg', 'expiry_secs': -1})
    c.do('expiry string', 'POST', NAM, token=t, body={'token_name': 'str', 'expiry_secs': '60'})
    c.do('expiry float', 'POST', NAM, token=t, body={'token_name': 'flt', 'expiry_secs': 1.5})
    c.do('expiry huge', 'POST', NAM, token=t, body={'token_name': 'huge', 'expiry_secs': 18446744073709551615})
    c.do('expiry 100 years', 'POST', NAM, token=t, body={'token_name': 'century', 'expiry_secs': 3155760000})
    c.do('expiry 10000 years', 'POST', NAM, token=t, body={'token_name': 'tenk', 'expiry_secs': 315576000000})
    time.sleep(2.5)
    c.do('expired token', 'GET', '/ping', token=n2)
    c.do('expired token regenerates?', 'POST', REG, token=n2)
    c.do('expired name reused', 'POST', NAM, token=t, body={'token_name': 'short'})
    c.do('tokens', 'POST', Q, token=t, body=q(ALL))
    c.do(
        'tokens, name filter by parameter',
        'POST',
        Q,
        token=t,
        body=q('SELECT token_id, name, hash FROM system.tokens WHERE name = $name', params={'name': "quote's\""}),
    )
    c.do(
        'a named admin token lists tokens',
        'POST',
        Q,
        token=n1,
        body=q('SELECT name FROM system.tokens ORDER BY token_id'),
    )
    c.do('a named admin token creates another', 'POST', NAM, token=n1, body={'token_name': 'by-ci'})


def delete(c, s):
    t = tok(c.do('create the operator token', 'POST', ADM))
    n = tok(c.do('named', 'POST', NAM, token=t, body={'token_name': 'a b/c?d&e'}))
    c.do('no auth', 'DELETE', DEL + '?token_name=x')
    c.do('missing parameter', 'DELETE', DEL, token=t)
    c.do('absent', 'DELETE', DEL + '?token_name=absent', token=t)
    c.do('operator', 'DELETE', DEL + '?token_name=_admin', token=t)
    c.do('escaped name', 'DELETE', DEL + '?token_name=a%20b%2Fc%3Fd%26e', token=t)
    c.do('deleted token is refused', 'GET', '/ping', token=n)
    c.do('again', 'DELETE', DEL + '?token_name=a%20b%2Fc%3Fd%26e', token=t)
    n = tok(c.do('re-create the same name', 'POST', NAM, token=t, body={'token_name': 'a b/c?d&e'}))
    c.do('plus for space', 'DELETE', DEL + '?token_name=a+b%2Fc%3Fd%26e', token=t)
    n = tok(c.do('self', 'POST', NAM, token=t, body={'token_name': 'self'}))
    c.do('a token deletes itself', 'DELETE', DEL + '?token_name=self', token=n)
    c.do('empty name', 'DELETE', DEL + '?token_name=', token=t)
    c.do('body instead of parameter', 'DELETE', DEL, token=t, body={'token_name': 'self'})
    c.do('tokens', 'POST', Q, token=t, body=q(ALL))


def query(c, s):
    t = tok(c.do('create the operator token', 'POST', ADM))
    c.do('wrong database', 'POST', Q, token=t, body=q(ALL, db='nope'))
    c.do('bad sql', 'POST', Q, token=t, body=q('SELEC'))
    c.do('no such column', 'POST', Q, token=t, body=q('SELECT nope FROM system.tokens'))
    c.do('no rows', 'POST', Q, token=t, body=q("SELECT * FROM system.tokens WHERE name='absent'"))
    c.do('GET form', 'GET', Q + '?db=_internal&format=json&q=SELECT%20name%20FROM%20system.tokens', token=t)
    c.do('jsonl', 'POST', Q, token=t, body={'db': '_internal', 'q': ALL, 'format': 'jsonl'})
    c.do(
        'no format, Accept json',
        'POST',
        Q,
        token=t,
        headers={'Accept': 'application/json'},
        body={'db': '_internal', 'q': ALL},
    )
    c.do('csv', 'POST', Q, token=t, body={'db': '_internal', 'q': ALL, 'format': 'csv'})
    c.do(
        'columns',
        'POST',
        Q,
        token=t,
        body=q(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema='system' AND table_name='tokens'"
        ),
    )
    c.do(
        'system tables',
        'POST',
        Q,
        token=t,
        body=q("SELECT table_name FROM information_schema.tables WHERE table_schema='system'"),
    )
    c.do('unknown token', 'POST', Q, token='apiv3_' + 'C' * 86, body=q(ALL))


def recovery(c, s):
    c.do('recovery before an operator token exists', 'POST', REG, port='recovery')
    t = tok(c.do('create the operator token', 'POST', ADM))
    c.do('other route', 'GET', '/ping', port='recovery')
    c.do('other method', 'GET', REG, port='recovery')
    t2 = tok(c.do('recover: no authentication', 'POST', REG, port='recovery'))
    time.sleep(1)
    c.do('recover again: the listener is gone', 'POST', REG, port='recovery')
    c.do('old', 'GET', '/ping', token=t)
    c.do('new', 'GET', '/ping', token=t2)
    c.do('tokens', 'POST', Q, token=t2, body=q(ALL))


def noauth(c, s):
    c.do('ping', 'GET', '/ping')
    c.do('create', 'POST', ADM)
    c.do('regenerate', 'POST', REG)
    c.do('named', 'POST', NAM, body={'token_name': 'x'})
    c.do('delete', 'DELETE', DEL + '?token_name=x')
    c.do('tokens', 'POST', Q, body=q(ALL))
    c.do('ping with any token', 'GET', '/ping', token='anything')
    c.do(
        'the column hash by name: there is none without authentication',
        'POST',
        Q,
        body=q('SELECT name, hash FROM system.tokens'),
    )


def openping(c, s):
    t = tok(c.do('create', 'POST', ADM))
    c.do('ping no token', 'GET', '/ping')
    c.do('ping bad token', 'GET', '/ping', token='bad')
    c.do('health', 'GET', '/health')
    c.do('query bad token', 'POST', Q, token='bad', body=q(ALL))


def race(c, s):
    t = tok(c.do('create', 'POST', ADM))
    n = tok(c.do('named', 'POST', NAM, token=t, body={'token_name': 'auto'}))
    res = []

    def f(i):
        res.append((i, c.do(f'concurrent regenerate {i}', 'POST', REG, token=n)))

    th = [threading.Thread(target=f, args=(i,)) for i in range(8)]
    [x.start() for x in th]
    [x.join() for x in th]
    for i, r in sorted(res):
        b = json.loads(r['body'])
        ok = hashlib.sha512(b['token'].encode()).hexdigest() == b['hash']
        c.do(f'token of {i} (body hash matches its own token: {ok})', 'GET', '/ping', token=b['token'])
    c.do('tokens', 'POST', Q, token=n, body=q(ALL))


def tls(c, s):
    t = tok(c.do('create over TLS', 'POST', ADM))
    c.do('ping', 'GET', '/ping', token=t)
    c.do('recover over TLS', 'POST', REG, port='recovery')


def ready(c, s):
    c.do('OPTIONS before any token: answered without one', 'OPTIONS', '/health')
    c.do('401 names the cluster from 3.7 on', 'GET', '/ping')
    t = tok(c.do('create the operator token', 'POST', ADM))
    c.do('OPTIONS after', 'OPTIONS', '/health')
    c.do('OPTIONS on the token route', 'OPTIONS', ADM)
    n = tok(c.do('named admin', 'POST', NAM, token=t, body={'token_name': 'insurance', 'expiry_secs': 2592000}))
    h = hashlib.sha512(n.encode()).hexdigest()[:9]
    c.do(
        'rows by name or hash, parameters',
        'POST',
        Q,
        token=t,
        body=q(
            'SELECT name, hash, expiry FROM system.tokens WHERE name = $name OR hash = $hash ORDER BY token_id',
            params={'name': '_admin', 'hash': h},
        ),
    )
    c.do(
        'one row that is not there',
        'POST',
        Q,
        token=t,
        body=q(
            'SELECT name, hash, expiry FROM system.tokens WHERE name = $name OR hash = $hash ORDER BY token_id',
            params={'name': '_admin', 'hash': '000000000'},
        ),
    )


def expiring(c, s, tk, until):
    """The operator token of a token file can expire, and nothing changes that any more."""
    c.do('token from the file', 'GET', '/ping', token=tk)
    n = tok(c.do('named admin, made in time', 'POST', NAM, token=tk, body={'token_name': 'insurance'}))
    t = tok(c.do('regenerate: the expiry stays', 'POST', REG, token=tk))
    c.do('new token before the expiry', 'GET', '/ping', token=t)
    c.do('tokens before', 'POST', Q, token=t, body=q(ALL))
    time.sleep(max(0, until - time.time()) + 0.5)
    c.do('new token after the expiry', 'GET', '/ping', token=t)
    c.do('create the operator token', 'POST', ADM)
    c.do('regenerate with the expired token', 'POST', REG, token=t)
    c.do('the named admin token still works', 'GET', '/ping', token=n)
    t = tok(c.do('regenerate with the named admin token', 'POST', REG, token=n))
    c.do('what it made is dead on arrival', 'GET', '/ping', token=t)
    t = tok(c.do('recover', 'POST', REG, port='recovery'))
    c.do('what it made is dead on arrival, too', 'GET', '/ping', token=t)
    c.do('delete it', 'DELETE', DEL + '?token_name=_admin', token=n)
    c.do('tokens after', 'POST', Q, token=n, body=q(ALL))


def main():
    run('bootstrap', 'a fresh server, from no token to one', bootstrap)
    run('regenerate', 'the operator token replaced', regen)
    run('named', 'named admin tokens', named)
    run('delete', 'tokens deleted', delete)
    run('query', 'token metadata by SQL', query)
    run('recovery', 'lost-token recovery listener', recovery, recovery=True)
    run('without-auth', 'server started with --without-auth', noauth, flags=['--without-auth'])
    run(
        'open-ping',
        'server started with --disable-authz health,ping',
        openping,
        flags=['--disable-authz', 'health,ping'],
    )
    run('race', 'eight regenerates at once', race)
    key, cert = os.path.join(WORK, 'key.pem'), os.path.join(WORK, 'cert.pem')
    subprocess.run(
        [
            'openssl',
            'req',
            '-x509',
            '-newkey',
            'rsa:2048',
            '-nodes',
            '-keyout',
            key,
            '-out',
            cert,
            '-days',
            '2',
            '-subj',
            '/CN=localhost',
            '-addext',
            'subjectAltName=DNS:localhost,IP:127.0.0.1',
        ],
        check=True,
        capture_output=True,
    )
    run(
        'tls',
        'TLS server and recovery listener',
        tls,
        flags=['--tls-key', key, '--tls-cert', cert],
        recovery=True,
        tls=True,
    )
    if not A.only or A.only == 'restart':
        d = os.path.join(WORK, 'data')
        print('== restart', flush=True)
        s = Server(data=d).start()
        c = Scenario('restart', s, 'file object store: killed right after a regenerate, then started again', public(s.flags))
        t = tok(c.do('create', 'POST', ADM))
        t2 = tok(c.do('regenerate', 'POST', REG, token=t))
        s.stop(signal.SIGKILL)
        s2 = Server(data=d).start()
        c.s = s2
        c.do('after SIGKILL and restart: old', 'GET', '/ping', token=t)
        c.do('new', 'GET', '/ping', token=t2)
        c.do('create again', 'POST', ADM)
        s2.stop()
    for nm in ('_admin', 'file-admin'):
        p = os.path.join(WORK, f'tok-{nm}.json')
        tk = 'apiv3_' + base64.urlsafe_b64encode(os.urandom(64)).decode().rstrip('=')
        with open(p, 'w') as f:
            json.dump({'token': tk, 'name': nm, 'description': 'x'}, f)
        os.chmod(p, 0o600)

        def ff(c, s, tk=tk):
            c.do('token from the file', 'GET', '/ping', token=tk)
            c.do('tokens', 'POST', Q, token=tk, body=q(ALL))
            c.do('regenerate', 'POST', REG, token=tk)
            c.do('create the operator token, no auth', 'POST', ADM)

        run('token-file-' + nm, 'started with --admin-token-file naming ' + nm, ff, flags=['--admin-token-file', p])
    run('readiness', 'what answers without a token, and rows by hash', ready)
    if not A.only or A.only == 'token-file-expiring':
        p = os.path.join(WORK, 'tok-expiring.json')
        tk = 'apiv3_' + base64.urlsafe_b64encode(os.urandom(64)).decode().rstrip('=')
        until = int(time.time()) + 8
        with open(p, 'w') as f:
            json.dump({'token': tk, 'name': '_admin', 'expiry_millis': until * 1000}, f)
        os.chmod(p, 0o600)
        run(
            'token-file-expiring',
            'started with --admin-token-file whose _admin expires',
            lambda c, s: expiring(c, s, tk, until),
            flags=['--admin-token-file', p],
            recovery=True,
        )
    if not A.only or A.only == 'token-file-restart':
        p = os.path.join(WORK, 'tok-restart.json')
        tk = 'apiv3_' + base64.urlsafe_b64encode(os.urandom(64)).decode().rstrip('=')
        d = os.path.join(WORK, 'data-file')
        with open(p, 'w') as f:
            json.dump({'token': tk, 'name': '_admin'}, f)
        os.chmod(p, 0o600)
        print('== token-file-restart', flush=True)
        s = Server(data=d, flags=['--admin-token-file', p]).start()
        c = Scenario('token-file-restart', s, 'a token file that is stale after a rotation', public(s.flags))
        t = tok(c.do('regenerate with the token of the file', 'POST', REG, token=tk))
        s.stop()
        s2 = Server(data=d, flags=['--admin-token-file', p]).start()
        c.s = s2
        c.do('after a restart: the token of the file', 'GET', '/ping', token=tk)
        c.do('the regenerated one', 'GET', '/ping', token=t)
        s2.stop()
        shutil.rmtree(d)
        s3 = Server(data=d, flags=['--admin-token-file', p]).start()
        c.s = s3
        c.do('with the data directory gone: the token of the file is good again', 'GET', '/ping', token=tk)
        c.do('the regenerated one is not', 'GET', '/ping', token=t)
        s3.stop()
    with open(A.out, 'w') as f:
        json.dump(scenarios, f, indent=1, ensure_ascii=False)


main()
