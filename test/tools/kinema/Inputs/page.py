# Checks that a page is well-formed and needs nothing besides itself.
import re
import sys
from xml.dom import minidom

text = open(sys.argv[1]).read()
body = re.sub(r"<!DOCTYPE html>|<meta[^>]*>|<br>", "", text)
minidom.parseString(body)
addresses = re.findall(r'(?:src|href)="(?!#)[^"]*"', text)
folds = re.findall(r"<summary>(.*?), \d+ lines</summary>", text)
print(f"well-formed, {len(addresses)} addresses, {folds.count('PTX')} of PTX, {folds.count('LLVM IR')} of LLVM IR")
