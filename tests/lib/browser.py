# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, driven by playwright, which downloads nothing."""

import shutil
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright
from wait import until

NAMES = ("chromium", "chromium-browser", "google-chrome")


class Browser:
    """One browser, and a fresh context for each page."""

    def __init__(self):
        program = next(filter(None, map(shutil.which, NAMES)), None)
        assert program, f"none of {NAMES} is here; make deps installs chromium"
        self.playwright = sync_playwright().start()
        self.chromium = self.playwright.chromium.launch(executable_path=program)

    def close(self):
        self.chromium.close()
        self.playwright.stop()

    def open(self, base, width=1280, height=720, **context):
        return Look(self.chromium.new_context(viewport={"width": width, "height": height}, **context), base)


class Look:
    """The page of STATUS_LISTEN at an address, as someone sees it."""

    def __init__(self, context, base):
        self.context, self.base, self.requests, self.errors = context, base, [], []
        self.page = context.new_page()
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.goto(base + "/")
        self.page.evaluate("window.loadedOnce = true")

    def close(self):
        self.context.close()

    def text(self, selector):
        return self.page.inner_text(selector)

    def replica(self, name):
        """What stands at a replica: {"": db_sync's line, "global_server one": …}, each a dictionary by what a cell is named."""
        return self.page.evaluate("""(name) => {
            const item = [...document.querySelectorAll(".replica")].find((r) => r.querySelector(".who").textContent === name);
            if (!item) return null;
            const line = (place) => ({
                state: place.querySelector(".word").textContent, level: place.dataset.level,
                reason: place.querySelector(".reason").hidden ? "" : place.querySelector(".reason").textContent,
                line: place.querySelector("svg").dataset.path || "",
                ...Object.fromEntries([...place.querySelectorAll("dl > div:not(.spark)")].map(
                    (d) => [d.className.replace("n ", ""), d.querySelector("dd").textContent]))});
            return {"": line(item.querySelector(".own")), errors: [...item.querySelectorAll("details li")].map((e) => e.innerText),
                ...Object.fromEntries([...item.querySelectorAll(".servers > li")].map((s) => [s.querySelector(".who").textContent, line(s)]))};
        }""", name)

    def names(self):
        """The replicas from top to bottom."""
        return self.page.eval_on_selector_all(".replica .own .who", "all => all.map((e) => e.textContent)")

    def await_replica(self, name, what, condition, deadline_s=30, server=""):
        """Waits until the page itself shows that."""
        def seen():
            line = (self.replica(name) or {}).get(server)
            return line and condition(line) and line
        try:
            return until(what, seen, deadline_s, 0.1)
        except AssertionError as late:
            raise AssertionError(f"{late}; the page says:\n{self.text('body')}") from None

    def await_headline(self, text, deadline_s=30):
        until(f"the headline {text!r}, it was {self.text('#headline')!r}", lambda: self.text("#headline") == text, deadline_s, 0.1)

    def too_wide(self):
        """What reaches beyond the screen, which would scroll sideways."""
        return self.page.evaluate("""() => {
            const wide = document.documentElement.clientWidth;
            const beyond = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > wide + 1);
            return document.documentElement.scrollWidth > wide ? ["the page", ...beyond.map((e) => e.className + ": " + e.textContent.slice(0, 40))] : [];
        }""")

    def check(self, lost=False):
        """It was never loaded anew, asked nobody else, and nothing failed but requests to a server that is lost."""
        assert self.page.evaluate("window.loadedOnce") is True
        others = [u for u in self.requests if not u.startswith("data:") and urlsplit(u).netloc != urlsplit(self.base).netloc]
        assert not others, others
        errors = [e for e in self.errors if not (lost and "Failed to load resource" in e)]
        assert not errors, errors
