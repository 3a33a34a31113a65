" Vim syntax file
" Language: Kinema's language for video networks (*.arch)

if exists('b:current_syntax')
  finish
endif

syntax case match
" A word may hold a factor, as in conv(2+1)d.
syntax match kinemaWord "\<\h\w*\%((\d\++\d\+)\w*\)\?"
syntax keyword kinemaStatement let set from stream
syntax keyword kinemaConstant in auto on off none
syntax match kinemaOperation "\<\%(input\|conv\|pool\|fc\|bn\|relu\|sigmoid\|softmax\|dropout\|identity\|add\|mul\|average\|concat\|residual\|fold\|shift\|slice\|arrange\|norm\|param\|product\|attention\|stage\)\>(\@!"
syntax match kinemaNumber "\<\d\+\%(\.\d\+\)\?\%(e-\?\d\+\)\?\>%\?"
syntax match kinemaSize "\<\d\+\%(x\d\+\)\+\>"
syntax match kinemaCopies "\<x\d\+\>"
syntax match kinemaOperator "->\|[-+*/%|=]"
syntax match kinemaLabel "\<\h\w*:\w\@!"
syntax match kinemaArgument "\<\h\w*=\@="
syntax match kinemaOption "\<\%(times\|same\|frozen\)=\@="
syntax match kinemaType ":\@1<=\%(int\|number\|size\|flag\|word\|unit\|block\|value\)\>"
syntax match kinemaPart "^\s*\zs\%(use\|unit\|block\|network\|act\|data\|train\|eval\|compute\)\>\ze\s*[[:alpha:]_{]" nextgroup=kinemaName skipwhite
syntax match kinemaName "\h\w*\%((\d\++\d\+)\w*\)\?" contained
syntax match kinemaFunction "\<\%(exp\|log\|sqrt\|tanh\|erf\|abs\|sigmoid\|relu\|min\|max\)(\@="
syntax match kinemaTodo "\<\%(TODO\|FIXME\)\>" contained
syntax match kinemaComment "#.*$" contains=kinemaTodo,@Spell

highlight default link kinemaPart Structure
highlight default link kinemaName Function
highlight default link kinemaStatement Statement
highlight default link kinemaConstant Constant
highlight default link kinemaOperation Function
highlight default link kinemaFunction Function
highlight default link kinemaType Type
highlight default link kinemaLabel Label
highlight default link kinemaArgument Identifier
highlight default link kinemaOption Keyword
highlight default link kinemaNumber Number
highlight default link kinemaSize Number
highlight default link kinemaCopies Number
highlight default link kinemaOperator Operator
highlight default link kinemaComment Comment
highlight default link kinemaTodo Todo

let b:current_syntax = 'kinema'
