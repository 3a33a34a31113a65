"""Checks the links of all pages: the file that each names is there, and so is the heading.

usage: links_test.py SOURCE_FOLDER
"""
import os
import re
import subprocess
import sys

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def text_of(path):
    """Returns a page without its fences and code spans, in which brackets are no links."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors_of(path):
    """Returns the names that GitHub gives to a page's headings."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.M | re.S)
    anchors = {}
    for heading in re.findall(r"^#+ +(.*?) *$", text, flags=re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors[slug] = anchors.get(slug, -1) + 1
        if anchors[slug]:
            anchors[f"{slug}-{anchors[slug]}"] = 0
    return anchors


def complaint(root, page, link):
    if re.match(r"[a-z]+:", link):
        return None  # a link to another site
    name, _, anchor = link.partition("#")
    target = os.path.normpath(os.path.join(os.path.dirname(page), name)) if name else page
    full = os.path.join(root, target)
    if not os.path.exists(full):
        return f"there is no {target}"
    if anchor and anchor not in anchors_of(full):
        return f"{target} has no heading #{anchor}"
    return None


def main():
    root = sys.argv[1]
    files = subprocess.run(["git", "-C", root, "ls-files", "*.md"], capture_output=True, text=True, check=True).stdout.split()
    wrong, seen = [], 0
    for page in files:
        for link in LINK.findall(text_of(os.path.join(root, page))):
            seen += 1
            if why := complaint(root, page, link):
                wrong.append(f"{page}: {link}: {why}")
    print("\n".join(wrong) or f"{seen} links of {len(files)} pages lead somewhere")
    sys.exit(bool(wrong) or seen < 20)


main()
