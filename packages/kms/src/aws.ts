export { type AwsKmsOptions, awsKms } from './aws/aws-kms.ts'
