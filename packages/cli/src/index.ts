export { type CliConfig, defineConfig } from './config/config.ts'
