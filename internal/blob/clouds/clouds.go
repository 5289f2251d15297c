// Package clouds makes package blob open buckets of Amazon S3 and its like (s3://), Google Cloud Storage (gs://), Azure Blob
// Storage (azblob://) and of this process's memory (mem://).
//
// It is imported for its effect, by the wiring of the program alone: the drivers are large, and nothing below needs them.
package clouds

import (
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/memblob"   // mem://
	_ "gocloud.dev/blob/s3blob"    // s3://
)
