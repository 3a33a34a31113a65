autocmd BufRead,BufNewFile *.arch set filetype=kinema
