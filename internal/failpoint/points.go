package failpoint

// Point is a place in the program.
type Point struct {
	Name  string
	File  string   // in which it is, from the module's folder; it is in one place there
	Fails bool     // it can be told to return an error
	Of    []string // the operations that pass it, for a point that has a name for each of them: Name(operation)
}

// Points returns all there are. A test holds the list against the code.
func Points() []Point {
	return []Point{
		{Name: "sqlite.copy.before", File: "internal/store/sqlite/backup.go"},
		{Name: "sqlite.copy.sync", File: "internal/store/sqlite/backup.go", Fails: true},
		{Name: "sqlite.copy.after", File: "internal/store/sqlite/backup.go"},
		{Name: "sqlite.settings.before", File: "internal/store/sqlite/sqlite.go"},
		{Name: "sqlite.settings.after", File: "internal/store/sqlite/sqlite.go"},
		{Name: "sqlite.create.before", File: "internal/store/sqlite/sqlite.go", Fails: true},
		{Name: "sqlite.create.after", File: "internal/store/sqlite/sqlite.go"},
		{Name: "sqlite.close.before", File: "internal/store/sqlite/writer.go"},
		{Name: "sqlite.close.after", File: "internal/store/sqlite/writer.go"},
		{Name: "sqlite.commit.before", File: "internal/store/sqlite/writer.go", Fails: true, Of: sqliteWrites()},
		{Name: "sqlite.commit.after", File: "internal/store/sqlite/writer.go", Of: sqliteWrites()},
		{Name: "sqlite.fill.before", File: "internal/store/sqlite/lists_fill.go", Fails: true},
		{Name: "sqlite.fill.after", File: "internal/store/sqlite/lists_fill.go"},
		{Name: "sqlite.migrate.after", File: "internal/store/sqlite/migrate.go"},
		{Name: "sqlite.migrate.before", File: "internal/store/sqlite/migrate.go"},
		{Name: "postgres.commit.before", File: "internal/store/postgres/postgres.go", Fails: true, Of: postgresTransactions()},
		{Name: "postgres.commit.after", File: "internal/store/postgres/postgres.go", Of: postgresTransactions()},
		{Name: "postgres.statement.before", File: "internal/store/postgres/postgres.go", Fails: true, Of: postgresStatements()},
		{Name: "postgres.statement.after", File: "internal/store/postgres/postgres.go", Of: postgresStatements()},
		{Name: "postgres.migrate.after", File: "internal/store/postgres/migrate.go"},
		{Name: "postgres.migrate.before", File: "internal/store/postgres/migrate.go"},
		{Name: "blob.unfinished.before", File: "internal/blob/scratch.go"},
		{Name: "blob.unfinished.after", File: "internal/blob/scratch.go"},
		{Name: "blob.unstage.before", File: "internal/blob/scratch.go"},
		{Name: "blob.unstage.after", File: "internal/blob/scratch.go"},
		{Name: "blob.letgo.before", File: "internal/blob/hold.go"},
		{Name: "blob.letgo.after", File: "internal/blob/hold.go"},
		{Name: "blob.setaside.before", File: "internal/blob/hold.go"},
		{Name: "blob.setaside.after", File: "internal/blob/hold.go"},
		{Name: "blob.write.before", File: "internal/blob/staged.go", Fails: true},
		{Name: "blob.write.after", File: "internal/blob/staged.go"},
		{Name: "blob.rename.before", File: "internal/blob/folder.go", Fails: true},
		{Name: "blob.rename.after", File: "internal/blob/folder.go"},
		{Name: "blob.sync.before", File: "internal/blob/folder.go", Fails: true},
		{Name: "blob.sync.after", File: "internal/blob/folder.go"},
		{Name: "blob.mkdir.before", File: "internal/blob/folder.go", Fails: true},
		{Name: "blob.mkdir.after", File: "internal/blob/folder.go"},
		{Name: "blob.delete.before", File: "internal/blob/folder.go", Fails: true},
		{Name: "blob.delete.after", File: "internal/blob/folder.go"},
		{Name: "blob.foldersync.before", File: "internal/blob/lock_unix.go", Fails: true},
		{Name: "blob.foldersync.after", File: "internal/blob/lock_unix.go"},
		{Name: "secret.sync.before", File: "internal/secret/keyfile.go", Fails: true},
		{Name: "secret.place.before", File: "internal/secret/keyfile.go", Fails: true},
		{Name: "secret.place.after", File: "internal/secret/keyfile.go"},
		{Name: "secret.foldersync.before", File: "internal/secret/keyfile.go", Fails: true},
		{Name: "secret.foldersync.after", File: "internal/secret/keyfile.go"},
		{Name: "app.credentials.before", File: "internal/app/app.go", Fails: true},
		{Name: "app.credentials.after", File: "internal/app/app.go"},
		{Name: "app.remove.before", File: "internal/app/folder.go"},
		{Name: "app.remove.after", File: "internal/app/folder.go"},
		{Name: "app.sync.before", File: "internal/app/folder.go", Fails: true, Of: appFiles()},
		{Name: "app.rename.before", File: "internal/app/folder.go", Fails: true, Of: appFiles()},
		{Name: "app.rename.after", File: "internal/app/folder.go", Of: appFiles()},
		{Name: "app.foldersync.before", File: "internal/app/folder.go", Fails: true},
		{Name: "jobs.record.before", File: "internal/jobs/journal.go", Fails: true},
		{Name: "jobs.record.after", File: "internal/jobs/journal.go"},
		{Name: "jobs.submit.items", File: "internal/jobs/batches.go"},
		{Name: "jobs.takeback.before", File: "internal/jobs/worker.go"},
		{Name: "jobs.takeback.after", File: "internal/jobs/worker.go"},
		{Name: "jobs.claimed", File: "internal/jobs/worker.go"},
		{Name: "jobs.renew.before", File: "internal/jobs/worker.go"},
		{Name: "jobs.renew.after", File: "internal/jobs/worker.go"},
		{Name: "jobs.interrupt.before", File: "internal/jobs/worker.go"},
		{Name: "jobs.interrupt.after", File: "internal/jobs/worker.go"},
		{Name: "jobs.submit.many", File: "internal/jobs/many.go"},
		{Name: "jobs.finish.before", File: "internal/jobs/attempt.go"},
		{Name: "jobs.finish.after", File: "internal/jobs/attempt.go"},
		{Name: "jobs.handover.before", File: "internal/jobs/attempt.go"},
		{Name: "jobs.handover.after", File: "internal/jobs/attempt.go"},
		{Name: "jobs.submit.before", File: "internal/jobs/jobs.go"},
		{Name: "jobs.submit.after", File: "internal/jobs/jobs.go"},
		{Name: "model.send.before", File: "internal/model/provider/provider.go", Fails: true},
		{Name: "model.send.after", File: "internal/model/provider/provider.go"},
		{Name: "webhooks.send.before", File: "internal/webhooks/send.go", Fails: true},
		{Name: "webhooks.send.after", File: "internal/webhooks/send.go"},
		{Name: "webhooks.record.before", File: "internal/webhooks/record.go", Fails: true},
		{Name: "webhooks.record.after", File: "internal/webhooks/record.go"},
		{Name: "backup.put.before", File: "internal/backup/backup.go", Fails: true},
		{Name: "backup.put.after", File: "internal/backup/backup.go"},
		{Name: "backup.foldersync.before", File: "internal/backup/disk_linux.go", Fails: true},
		{Name: "backup.foldersync.after", File: "internal/backup/disk_linux.go"},
		{Name: "backup.sync.before", File: "internal/backup/target.go", Fails: true},
		{Name: "backup.rename.before", File: "internal/backup/target.go", Fails: true},
		{Name: "backup.rename.after", File: "internal/backup/target.go"},
		{Name: "backup.archive.sync.before", File: "internal/backup/target.go", Fails: true},
		{Name: "backup.archive.sync.after", File: "internal/backup/target.go"},
		{Name: "backup.archive.link.before", File: "internal/backup/target.go", Fails: true},
		{Name: "backup.archive.link.after", File: "internal/backup/target.go"},
		{Name: "backup.archive.unlink.after", File: "internal/backup/target.go"},
		{Name: "restore.write.before", File: "internal/backup/restore.go", Fails: true},
		{Name: "restore.write.after", File: "internal/backup/restore.go"},
		{Name: "restore.sync.before", File: "internal/backup/restore.go", Fails: true},
		{Name: "restore.complete.before", File: "internal/backup/restore.go"},
		{Name: "restore.place.before", File: "internal/backup/restore.go"},
		{Name: "restore.place.after", File: "internal/backup/restore.go"},
		{Name: "restore.done.before", File: "internal/backup/restore.go"},
		{Name: "restore.done.after", File: "internal/backup/restore.go"},
		{Name: "restore.removed", File: "internal/backup/restore.go"},
	}
}

// Names returns the names of all points.
func Names() []string {
	var names []string
	for _, p := range Points() {
		if len(p.Of) == 0 {
			names = append(names, p.Name)
		}
		for _, which := range p.Of {
			names = append(names, p.Name+"("+which+")")
		}
	}
	return names
}

// sqliteWrites are the operations that change a SQLite database, of which several share a commit.
func sqliteWrites() []string {
	return []string{
		"begin creation", "book usage", "bootstrap", "cancel batch", "cancel job", "cancel open jobs", "claim deliveries", "claim jobs",
		"close batch", "complete batches", "create agent", "create batch", "create key", "create tag", "create version", "create webhook",
		"delete agent", "delete file", "delete tag", "delete version", "delete webhook", "disown jobs", "drop creation", "end creation",
		"expire creations", "fail unreadable jobs", "finish job", "forget answers", "forget blobs", "hand over jobs", "hold blob",
		"keep file", "keep proof of the secret key", "link webhook", "purge deleted agents", "purge job", "record deliveries",
		"record step", "release expired files", "release files", "renew leases", "replay delivery", "resend webhooks", "reserve file",
		"retry batch items", "revoke key", "save artifact", "set tags of agent", "settle blob", "submit jobs", "sweep deliveries",
		"take back jobs", "touch keys", "unlink webhook", "update agent", "update tag", "update version", "update webhook",
	}
}

// postgresTransactions are the operations that change a PostgreSQL database in a transaction.
func postgresTransactions() []string {
	return []string{
		"begin creation", "book usage", "bootstrap", "cancel batch", "cancel job", "cancel open jobs", "claim deliveries", "claim jobs",
		"close batch", "complete batches", "create agent", "create key", "create tag", "create version", "create webhook", "delete agent",
		"delete data of deleted agents", "delete data of job", "delete file", "delete tag", "delete version", "delete webhook",
		"disown jobs", "fill job lists", "fold job lists", "fold usage", "forget answers", "hand over jobs", "hold blob", "hold money",
		"keep proof of the secret key", "link webhook", "queue items of batch again", "record deliveries", "release expired files",
		"release files", "replay delivery", "resend webhooks", "reserve file", "save artifact", "set tags of agent", "store jobs",
		"store steps", "take back jobs", "unlink webhook", "update agent", "update tag", "update version", "update webhook",
	}
}

// postgresStatements are the operations that change a PostgreSQL database with one statement.
func postgresStatements() []string {
	return []string{
		"create batch", "drop creation", "drop hold", "end creation", "expire creations", "forget blobs", "forget deleted webhooks",
		"prepare job lists", "renew leases", "revoke key", "store outcomes", "store plain jobs", "store plain steps", "sweep deliveries",
		"touch keys",
	}
}

// appFiles are the files that a server writes into its data folder.
func appFiles() []string {
	return []string{
		"node", "credentials.json.new", "credentials.json",
	}
}
