#!/usr/bin/env python3
"""Compare two recordings made by record.py: compare.py real.json other.json

Tokens, hashes, times, ids of a request, versions and lengths differ from run to run, so
they are compared by shape and by what they belong to (a hash must be the SHA-512 of the
token it stands beside, or its first nine digits). Prints each step that differs and
'N steps, M differ'; exits 1 where M is not 0. What was there and is gone counts; what is
new in the second recording does not.
"""

import hashlib
import json
import re
import sys

TOKEN = re.compile(r'apiv3_[A-Za-z0-9_-]{86}')
# What only a full SQL engine can answer: the status counts, the body does not.
STATUS_ONLY = {
    'bad sql',
    'no such column',
    'columns',
    'system tables',
    'the column hash by name: there is none without authentication',
}
DROP = {'content-length', 'transfer-encoding', 'connection', 'vary'}


def normal(scenario):
    """The steps of a scenario, with what differs from run to run replaced by what it is."""
    tokens, steps = [], []
    for st in scenario['steps']:
        for text in (json.dumps(st['request']), st['response'].get('body') or ''):
            for t in TOKEN.findall(text):
                if t not in tokens:
                    tokens.append(t)
    hashes = {}
    for i, t in enumerate(tokens):
        h = hashlib.sha512(t.encode()).hexdigest()
        hashes[h] = f'<hash {i}>'
        hashes[h[:9]] = f'<hash9 {i}>'

    def clean(text):
        text = TOKEN.sub(lambda m: f'<token {tokens.index(m.group())}>', text)
        text = re.sub(
            r'(?<![0-9a-f])([0-9a-f]{128}|[0-9a-f]{9})(?![0-9a-f])', lambda m: hashes.get(m.group(), m.group()), text
        )
        text = re.sub(r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', '<uuid>', text)
        text = re.sub(r'\+?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', '<utc>', text)
        text = re.sub(r'\+?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(?!Z)', '<naive>', text)
        text = re.sub(r'"version":"[^"]*","revision":"[^"]*"', '"version":<v>,"revision":<r>', text)
        return text

    for st in scenario['steps']:
        r = st['response']
        if 'error' in r:
            out = {'error': r['error'].split(':')[0]}
        else:
            head = {k.lower(): clean(v) for k, v in r['headers'].items() if k.lower() not in DROP}
            if 'x-influxdb-version' in head:
                head['x-influxdb-version'] = '<v>'
            out = {
                'status': r['status'],
                'headers': head,
                'body': '' if st['note'] in STATUS_ONLY else clean(r['body']),
            }
            if st['note'] in STATUS_ONLY:
                out.pop('headers')
        steps.append((st['note'], out))
    if scenario['scenario'] == 'race':  # which of the eight wins is chance: exactly one must
        won = sum(1 for n, o in steps if n.startswith('token of') and o.get('status') == 200)
        same = all('True' in n for n, _ in steps if n.startswith('token of'))
        steps = [('one token of eight survives', {'won': won, 'each reply carries its own hash': same})]
    return steps


a, b = ({s['scenario']: normal(s) for s in json.load(open(p))} for p in sys.argv[1:3])
total = differ = 0
for name, steps in a.items():
    other = b.get(name, [])
    for i, (note, want) in enumerate(steps):
        total += 1
        got = other[i][1] if i < len(other) else None
        if got != want:
            differ += 1
            print(
                f'{name}: {note}\n  want {json.dumps(want, ensure_ascii=False)}\n  got  {json.dumps(got, ensure_ascii=False)}'
            )
print(f'{total} steps, {differ} differ')
sys.exit(1 if differ else 0)
