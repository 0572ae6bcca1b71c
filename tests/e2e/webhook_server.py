#!/usr/bin/env python3
"""A webhook server for the end-to-end tests: each path behaves in a way of its own.

webhook_server.py DIRECTORY: listens with DIRECTORY/tls.crt and tls.key on a free port, which it
writes to DIRECTORY/port; each review that it is asked is a line of DIRECTORY/asked. /hang answers
when DIRECTORY/release is there.
"""
import base64
import http.server
import json
import os
import ssl
import sys
import threading
import time

home = sys.argv[1]
lock = threading.Lock()


def patch(*operations):
    return {"allowed": True, "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(operations).encode()).decode()}


def deny(message, code=403):
    return {"allowed": False, "status": {"message": message, "code": code}}


def data_of(request):
    return (request["object"] or request["oldObject"] or {}).get("data") or {}


def configmaps(request):
    if data_of(request).get("webhook-e2e-test") == "webhook-disallow":
        return deny("the configmap contains unwanted key and value")
    return {"allowed": True}


def add_stages(request):
    data = data_of(request)
    operations = []
    for given, made in (("mutation-start", "mutation-stage-1"), ("mutation-stage-1", "mutation-stage-2")):
        if data.get(given) == "yes" and made not in data:
            operations.append({"op": "add", "path": "/data/" + made, "value": "yes"})
    # one stage a call, so that who comes first is seen
    return patch(*operations[:1]) if operations else {"allowed": True}


def pods(request):
    pod = request["object"]
    for c in pod["spec"]["containers"]:
        if "webhook-disallow" in c["name"]:
            return deny("the pod contains unwanted container name")
    if pod["metadata"].get("labels", {}).get("webhook-e2e-test") == "webhook-disallow":
        return deny("the pod contains unwanted label")
    return {"allowed": True}


def add_init_container(request):
    return patch({"op": "add", "path": "/spec/initContainers",
                  "value": [{"name": "webhook-added-init-container", "image": "webhook-added-image"}]})


def count(request):
    n = int(data_of(request).get("count", "0"))
    return patch({"op": "add", "path": "/data/count", "value": str(n + 1)})


def stored_number(request):
    """Says what it saw: the object must be committed as it was judged."""
    seen = data_of(request).get("turn", "none")
    return patch({"op": "add", "path": "/data/seen", "value": seen})


ADMIT = {
    "/allow": lambda r: {"allowed": True},
    "/deny": lambda r: deny("this webhook denies all requests", 403),
    "/deny-silently": lambda r: {"allowed": False},
    "/conflict": lambda r: deny("not now", 409),
    "/configmaps": configmaps,
    "/mutating-configmaps": add_stages,
    "/pods": pods,
    "/mutating-pods": add_init_container,
    "/mutating-custom-resource": add_stages,
    "/count": count,
    "/seen": stored_number,
    "/add-label": lambda r: patch({"op": "add", "path": "/metadata/labels", "value": {"hooked": "yes"}}),
    "/warn": lambda r: {"allowed": True, "warnings": ["mind the gap"], "auditAnnotations": {"gap": "minded"}},
    "/bad-patch": lambda r: patch({"op": "remove", "path": "/data/nowhere/at/all"}),
    "/patch-no-list": lambda r: {"allowed": True, "patchType": "JSONPatch",
                                 "patch": base64.b64encode(b'{"op": "add"}').decode()},
    "/wrong-type": lambda r: patch({"op": "add", "path": "/data", "value": [1, 2]}),
    "/rename": lambda r: patch({"op": "replace", "path": "/metadata/name", "value": "other"}),
}


def convert_one(o, version):
    """v1 has hostPort "h:p"; v2 has host and port."""
    o = json.loads(json.dumps(o))
    if version.endswith("/v2") and "hostPort" in o:
        o["host"], o["port"] = o.pop("hostPort").split(":")
    elif version.endswith("/v1") and "host" in o:
        o["hostPort"] = o.pop("host") + ":" + o.pop("port")
    o["apiVersion"] = version
    return o


def convert(request, how):
    objects = [convert_one(o, request["desiredAPIVersion"]) for o in request["objects"]]
    result = {"status": "Success"}
    if how == "refuse":
        objects, result = [], {"status": "Failed", "message": "no such conversion"}
    elif how == "lose":
        objects = objects[1:]
    for o in objects:
        if how == "rename":
            o["metadata"]["name"] = "other"
        elif how == "label":
            o["metadata"].setdefault("labels", {})["converted"] = "yes"
            o["metadata"]["finalizers"] = ["example.com/not-mine"]
        elif how == "uid":
            o["metadata"]["uid"] = "other"
    return {"convertedObjects": objects, "result": result}


def wait_for_release():
    for _ in range(1200):
        if os.path.exists(os.path.join(home, "release")):
            return
        time.sleep(0.05)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, body, status=200, headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.split("?")[0]
        with lock, open(os.path.join(home, "asked"), "a", encoding="utf-8") as log:
            log.write(json.dumps({"path": self.path, "host": self.headers["Host"], "review": review}) + "\n")
        try:
            self.answer(path, review)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass  # who asked has given up

    def answer(self, path, review):
        answer = {"apiVersion": review["apiVersion"], "kind": review["kind"]}
        uid = review["request"]["uid"]
        if path == "/garbage":
            return self.reply(b"\x00\xff no JSON at all")
        if path == "/huge":
            return self.reply(b'{"x": "' + b"x" * (30 << 20) + b'"}')
        if path == "/error":
            return self.reply(b"out of order", 500)
        if path == "/redirect":
            return self.reply(b"", 302, [("Location", "/allow")])
        if path == "/hang":
            wait_for_release()
            path = "/allow"
        if path.startswith("/delay-"):
            time.sleep(float(path[7:]))
            path = "/allow"
        if path.startswith("/convert"):
            if os.path.exists(os.path.join(home, "convert-down")):
                return self.reply(b"out of order", 503)
            answer["response"] = convert(review["request"], path[9:])
        elif path == "/wrong-uid":
            answer["response"] = {"allowed": True}
            uid = "another"
        else:
            answer["response"] = ADMIT[path](review["request"])
        answer["response"]["uid"] = uid
        return self.reply(answer)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a handshake that was not finished: who asked does not trust us


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(home, "tls.crt"), os.path.join(home, "tls.key"))
    server = Server(("0.0.0.0", 0), Handler)
    # the handshake on the connection's own thread
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with open(os.path.join(home, "port.new"), "w", encoding="utf-8") as port:
        port.write(str(server.server_address[1]))
    os.rename(os.path.join(home, "port.new"), os.path.join(home, "port"))
    server.serve_forever()


main()
