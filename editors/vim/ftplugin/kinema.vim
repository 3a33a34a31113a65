" What Vim and Neovim do in specs of Kinema: `:KinemaFormat` lays out the text, and Neovim asks `kinema lsp`, unless
" g:kinema_no_lsp is set. g:kinema_path says where kinema is.

if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\ %s comments=:# formatoptions-=t
setlocal expandtab shiftwidth=2 softtabstop=2 tabstop=2
setlocal suffixesadd=.arch path+=lib include=^\\s*use\\s
let b:undo_ftplugin = 'setlocal commentstring< comments< formatoptions< expandtab< shiftwidth< softtabstop< tabstop<'
      \ . ' suffixesadd< path< include< | delcommand -buffer KinemaFormat'

" Replaces the text only where kinema can read it.
function! s:Format() abort
  let l:before = join(getline(1, '$'), "\n") . "\n"
  let l:after = systemlist([get(g:, 'kinema_path', 'kinema'), 'format', '-']->map('shellescape(v:val)')->join(' '), l:before)
  if v:shell_error
    echohl ErrorMsg | echomsg get(l:after, 0, 'kinema format has failed') | echohl None
    return
  endif
  let l:view = winsaveview()
  call setline(1, l:after)
  if line('$') > len(l:after)
    call deletebufline('%', len(l:after) + 1, '$')
  endif
  call winrestview(l:view)
endfunction
command! -buffer KinemaFormat call s:Format()

if has('nvim-0.8') && !get(g:, 'kinema_no_lsp', 0)
  lua << EOS
    vim.lsp.start({
      name = 'kinema',
      cmd = { vim.g.kinema_path or 'kinema', 'lsp' },
      root_dir = vim.fs.dirname(vim.api.nvim_buf_get_name(0)),
    })
EOS
endif
