# complete.zsh SCRIPT WORD...: prints what the script offers for the last word, a line each; zsh itself would choose of these.
compadd() { print -l -- "${@[2,-1]}" }
_files() { print 'the files that begin so' }
compdef() { :; }
source "$1"
words=("${@[2,-1]}")
CURRENT=${#words}
"_${words[1]//-/_}"
