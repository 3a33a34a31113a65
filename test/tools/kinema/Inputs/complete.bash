# complete.bash SCRIPT WORD...: prints what the script completes the last word to, a line each.
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"_${1//-/_}" 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
