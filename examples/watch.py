#!/usr/bin/env python3
"""Follow a collection: one line for each change, without any library.

    watch.py [/k8s/pods/default]                       the present objects, then every change
    watch.py --since VERSION /k8s/pods/default         go on after this resourceVersion

Each line of `_watch.json` is one change with the whole object, in the order of the changes; reading waits for the
next one. A reader that falls too far behind, or asks for a version that is not kept any more, is told
`410 Gone`, and starts again from the present objects.
"""
import argparse
import json
import os
import sys


class Gone(Exception):
    """The changes after that version are not kept any more."""


def changes(directory, since=None):
    """Yield (type, object) for ever."""
    fd = os.open(os.path.join(directory, '_watch.json'), os.O_RDONLY)
    try:
        if since is not None:
            os.lseek(fd, since, os.SEEK_SET)
        rest = b''
        while True:
            data = os.read(fd, 1 << 20)
            if not data:
                return
            *lines, rest = (rest + data).split(b'\n')
            for line in lines:
                change = json.loads(line)
                if change['type'] == 'ERROR':
                    raise Gone(change['object'].get('message', ''))
                yield change['type'], change['object']
    finally:
        os.close(fd)


def state(obj):
    """A word or two about the object: its phase, or its conditions that are true."""
    status = obj.get('status', {})
    if 'phase' in status:
        return status['phase']
    return ','.join(c['type'] for c in status.get('conditions', []) if c.get('status') == 'True') or '-'


def main():
    parser = argparse.ArgumentParser(description='follow a collection of the tree')
    parser.add_argument('directory', nargs='?', default='/k8s/pods/default')
    parser.add_argument('--since', type=int, metavar='VERSION')
    args = parser.parse_args()
    since = args.since
    while True:
        try:
            for kind, obj in changes(args.directory, since):
                meta = obj['metadata']
                name = '/'.join(filter(None, (meta.get('namespace'), meta['name'])))
                print(kind, name, meta['resourceVersion'], state(obj), flush=True)
            return
        except Gone as e:
            print('starting again:', e, file=sys.stderr)
            since = None


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        pass
    except OSError as e:
        sys.exit(f'watch.py: {e}')
