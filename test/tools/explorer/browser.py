"""Drives Debian's Chromium through its DevTools protocol, over two pipes: what is clicked, what is seen and what the page
complains about. Nothing besides Python itself is needed.
"""
import base64
import json
import os
import shutil
import subprocess
import tempfile

PROGRAMS = ["chromium-headless-shell", "chromium"]
SECONDS = 60  # for one answer, on a machine that does much else


def find():
    """Returns the program's path, or None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """A page of a browser that has no network. `complaints` are the errors and warnings of its console."""

    def __init__(self, program, width=1440, height=900):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_child, self.to_browser = os.pipe()
        self.from_browser, from_child = os.pipe()
        flags = ["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={self.profile.name}",
                 f"--window-size={width},{height}", "--hide-scrollbars", "about:blank"]
        # The browser reads from descriptor 3 and writes to 4.
        shell = f'exec 3<&{to_child} 4>&{from_child}; exec "$0" "$@"'
        self.process = subprocess.Popen(["bash", "-c", shell, program, *flags], pass_fds=(to_child, from_child),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)
        self.number, self.buffer, self.complaints, self.requests, self.session = 0, b"", [], [], None
        page = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")
        self.size(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.to_browser)
        os.close(self.from_browser)
        self.process.terminate()
        self.process.wait(30)
        self.profile.cleanup()

    def read(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.from_browser, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has ended")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.note(answer)

    def note(self, event):
        method, details = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            thrown = details["exceptionDetails"]
            self.complaints.append(thrown.get("exception", {}).get("description", thrown["text"]))
        elif method == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(a.get("value", a.get("description"))) for a in details["args"]))
        elif method == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
            self.complaints.append(details["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(details["request"]["url"])

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, address):
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def get(self, expression):
        """Returns what an expression is in the page, after the promise that it may be."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"]
            raise RuntimeError(f"{expression}: {thrown.get('exception', {}).get('description', thrown['text'])}")
        return answer["result"].get("value")

    def until(self, expression):
        """Waits until the expression is true."""
        self.get(f"""new Promise((resolve, reject) => {{
          const begin = performance.now();
          const look = () => {{
            let seen = false;
            try {{ seen = Boolean({expression}); }} catch (error) {{ return reject(error); }}
            if (seen) resolve(true);
            else if (performance.now() - begin > {SECONDS * 1000}) reject(new Error("waited too long for " + {json.dumps(expression)}));
            else setTimeout(look, 20);
          }};
          look();
        }})""")

    def click(self, selector):
        """Clicks with the mouse on the element, near its left end, where it must be what is seen."""
        place = self.get(f"""(async () => {{
          const find = () => document.querySelector({json.dumps(selector)});
          find()?.scrollIntoView({{block: "center", inline: "nearest"}});
          const frame = () => new Promise(requestAnimationFrame);
          await frame(); // lists draw their rows anew when they have scrolled
          await frame();
          const found = find();
          if (!found) return null;
          const box = found.getBoundingClientRect();
          const x = box.x + Math.min(box.width / 2, 30), y = box.y + box.height / 2;
          const hit = document.elementFromPoint(x, y);
          return {{x, y, isHit: Boolean(hit) && (found === hit || found.contains(hit) || hit.contains(found))}};
        }})()""")
        if not place or not place["isHit"]:
            raise RuntimeError(f"{selector} cannot be clicked: {place}")
        for kind in ["mousePressed", "mouseReleased"]:
            self.call("Input.dispatchMouseEvent", type=kind, x=place["x"], y=place["y"], button="left", clickCount=1)

    def key(self, name):
        for kind in ["keyDown", "keyUp"]:
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                      windowsVirtualKeyCode={"ArrowDown": 40, "ArrowUp": 38, "ArrowRight": 39, "ArrowLeft": 37}[name])

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
