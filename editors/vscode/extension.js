// Starts `kinema lsp` and shows what it answers.
'use strict';

const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

async function start() {
  const settings = vscode.workspace.getConfiguration('kinema');
  const args = ['lsp', ...settings.get('models').flatMap((folder) => ['--models', folder])];
  client = new LanguageClient('kinema', 'Kinema', { command: settings.get('path'), args },
    { documentSelector: [{ scheme: 'file', language: 'kinema' }] });
  try {
    await client.start();
  } catch (error) {
    vscode.window.showErrorMessage(`kinema lsp does not start: ${error.message} (the setting kinema.path says where kinema is)`);
  }
}

async function activate(context) {
  context.subscriptions.push(vscode.workspace.onDidChangeConfiguration(async (event) => {
    if (!event.affectsConfiguration('kinema')) {
      return;
    }
    await deactivate();
    await start();
  }));
  await start();
}

function deactivate() {
  const stopped = client && client.isRunning() ? client.stop() : undefined;
  client = undefined;
  return stopped;
}

module.exports = { activate, deactivate };
