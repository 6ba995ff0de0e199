// PM2 runs two processes on PORT and PORT + 1; put a proxy in front that uses both (deploy/nginx.conf, deploy/Caddyfile).
// Settings come from .env in this project's folder.
const path = require('node:path')

const root = path.resolve(__dirname, '..')

module.exports = {
  apps: [
    {
      name: 'gatehouse',
      script: 'main.py',
      interpreter: path.join(root, '.venv', 'bin', 'python'),
      cwd: root,
      exec_mode: 'fork',
      instances: 2,
      increment_var: 'PORT',
      env: { PORT: 8000, INSTANCES: 2, PYTHONUNBUFFERED: '1' },
      wait_ready: true, // main.py tells PM2 when it serves
      listen_timeout: 30000,
      kill_timeout: 12000, // longer than SHUTDOWN_GRACE, after which requests under way are given up
      max_restarts: 10,
      exp_backoff_restart_delay: 200,
      merge_logs: true,
    },
  ],
}
