;;; kinema-mode.el --- Editing specs of Kinema, networks for video -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; Package-Requires: ((emacs "27.1"))

;;; Commentary:

;; A major mode for *.arch.  `M-x eglot' starts `kinema lsp', which tells of errors, shapes and definitions, and
;; `M-x kinema-format-buffer' lays out the text.

;;; Code:

(defgroup kinema nil "Networks for video." :group 'languages)

(defcustom kinema-program "kinema"
  "The program kinema."
  :type 'string)

(defconst kinema-statements '("let" "set" "from" "stream"))
(defconst kinema-constants '("in" "auto" "on" "off" "none"))
(defconst kinema-operations
  '("input" "conv" "pool" "fc" "bn" "relu" "sigmoid" "softmax" "dropout" "identity" "add" "mul" "average" "concat"
    "residual" "fold" "shift" "slice" "arrange" "norm" "param" "product" "attention" "stage"))
(defconst kinema-parts '("use" "unit" "block" "network" "act" "data" "train" "eval" "compute"))
(defconst kinema-types '("int" "number" "size" "flag" "word" "unit" "block" "value"))
(defconst kinema-functions '("exp" "log" "sqrt" "tanh" "erf" "abs" "sigmoid" "relu" "min" "max"))
(defconst kinema-options '("times" "same" "frozen"))

(defconst kinema-font-lock-keywords
  `((,(concat "^\\s-*\\(" (regexp-opt kinema-parts) "\\)\\s-+\\([A-Za-z_][A-Za-z_0-9]*\\(?:([0-9]+\\+[0-9]+)[A-Za-z_0-9]*\\)?\\)")
     (1 font-lock-keyword-face) (2 font-lock-function-name-face))
    (,(concat "^\\s-*\\(" (regexp-opt kinema-parts) "\\)\\s-*{") 1 font-lock-keyword-face)
    ("\\<[A-Za-z_][A-Za-z_0-9]*([0-9]+\\+[0-9]+)[A-Za-z_0-9]*" . 'default) ; such as conv(2+1)d, which is one word
    (,(concat ":\\(" (regexp-opt kinema-types) "\\)\\>") 1 font-lock-type-face)
    ("\\<\\([A-Za-z_][A-Za-z_0-9]*\\):\\(?:[^A-Za-z_0-9]\\|$\\)" 1 font-lock-constant-face)
    (,(concat "\\<" (regexp-opt kinema-options t) "=") 1 font-lock-keyword-face)
    ("\\<\\([A-Za-z_][A-Za-z_0-9]*\\)=" 1 font-lock-variable-name-face)
    (,(concat "\\<" (regexp-opt kinema-functions t) "(") 1 font-lock-builtin-face)
    (,(regexp-opt kinema-statements 'symbols) . font-lock-keyword-face)
    (,(regexp-opt kinema-constants 'symbols) . font-lock-constant-face)
    (,(regexp-opt kinema-operations 'symbols) . font-lock-builtin-face))
  "What is highlighted in a spec, beside comments.")

(defvar kinema-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?_ "w" table)
    (modify-syntax-entry ?' "." table)
    (modify-syntax-entry ?\" "." table)
    (dolist (mark (append "+-*/%=|" nil))
      (modify-syntax-entry mark "." table))
    table))

(defun kinema-indent-line ()
  "Indent a line by the braces that it stands in, and one that goes on by two more."
  (interactive)
  (let* ((depth (save-excursion (back-to-indentation) (nth 0 (syntax-ppss))))
         (closes (save-excursion (back-to-indentation) (looking-at "[]})]")))
         (goes-on (save-excursion (back-to-indentation) (looking-at "->")))
         (column (* 2 (max 0 (+ depth (if closes -1 0) (if goes-on 1 0))))))
    (if (<= (current-column) (current-indentation))
        (indent-line-to column)
      (save-excursion (indent-line-to column)))))

(defun kinema-format-buffer ()
  "Lay out the text in the house style, where kinema can read it."
  (interactive)
  (let ((text (current-buffer)) (output (generate-new-buffer " *kinema format*")))
    (unwind-protect
        (if (zerop (call-process-region nil nil kinema-program nil (list output nil) nil "format" "-"))
            (with-current-buffer text (replace-buffer-contents output))
          (user-error "The text has errors"))
      (kill-buffer output))))

;;;###autoload
(define-derived-mode kinema-mode prog-mode "Kinema"
  "A mode for specs of Kinema."
  (setq-local comment-start "# ")
  (setq-local comment-start-skip "#+\\s-*")
  (setq-local indent-tabs-mode nil)
  (setq-local indent-line-function #'kinema-indent-line)
  (setq-local font-lock-defaults '(kinema-font-lock-keywords)))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.arch\\'" . kinema-mode))

(defvar eglot-server-programs)
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs `(kinema-mode . (,kinema-program "lsp"))))

(provide 'kinema-mode)
;;; kinema-mode.el ends here
