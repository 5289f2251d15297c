package backup_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/backup"
)

const someBlob = `SELECT sha256 FROM blobs WHERE state = 1 ORDER BY sha256 LIMIT 1`

func flipBlob(t *testing.T, data string) {
	flip(t, blobFile(data, value[string](t, data, someBlob)), -1)
}

func removeBlob(t *testing.T, data string) {
	if err := os.Remove(blobFile(data, value[string](t, data, someBlob))); err != nil {
		t.Fatal(err)
	}
}

// addFile puts a file where the program puts none.
func addFile(path func(data string) string, text string) func(t *testing.T, data string) {
	return func(t *testing.T, data string) {
		at := path(data)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func sqlHarm(statement string) func(t *testing.T, data string) {
	return func(t *testing.T, data string) { execute(t, data, statement) }
}

// damagePages overwrites the beginning of many pages.
func damagePages(t *testing.T, data string) {
	execute(t, data, "PRAGMA wal_checkpoint(TRUNCATE)")
	path := filepath.Join(data, "steward.db")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 4096 * 8; at+4096 <= len(text); at += 4096 * 5 {
		copy(text[at:], "\xff\xff\xff\xff damaged damaged damaged")
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyFindsWhatIsWrong breaks one thing at a time.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	whole := full(t, 12)
	wantFine(t, "the whole folder", verify(t, whole))
	for name, c := range map[string]struct {
		harm func(t *testing.T, data string)
		want string // in what is found
	}{
		"a flipped bit of a file": {flipBlob, "has other bytes"},
		"a file cut short": {func(t *testing.T, data string) {
			if err := os.Truncate(blobFile(data, value[string](t, data, someBlob)), 5); err != nil {
				t.Fatal(err)
			}
		}, "has 5 bytes instead of"},
		"a missing file":                 {removeBlob, "has no bytes"},
		"a file that nobody knows":       {addFile(func(d string) string { return blobFile(d, strings.Repeat("ab", 32)) }, "x"), "is not known to the database"},
		"a foreign file":                 {addFile(func(d string) string { return filepath.Join(d, "files", "note.txt") }, "x"), "note.txt is among the files"},
		"lost lists":                     {sqlHarm(`DELETE FROM job_chunks`), "job lists: "},
		"a lost term":                    {sqlHarm(`DELETE FROM job_bits WHERE term = 's3'`), "by status has 0 jobs"},
		"a term too many":                {sqlHarm(`INSERT INTO job_bits SELECT lane, 's4', chunk, bits FROM job_bits WHERE term = 's3'`), "entries that no job has"},
		"a damaged set":                  {sqlHarm(`UPDATE job_bits SET bits = x'01'`), "cannot be read"},
		"lost codes":                     {sqlHarm(`DELETE FROM job_codes`), "The order of the jobs"},
		"another text for searches":      {sqlHarm(`UPDATE job_texts SET text = 'other' WHERE seq = 1`), "A search would not find"},
		"a range too narrow":             {sqlHarm(`UPDATE job_chunks SET created_to = created_from - 1`), "too narrow"},
		"a wrong counter":                {sqlHarm(`UPDATE agent_jobs SET jobs = jobs + 1`), "counters: Agent"},
		"a lost booking":                 {sqlHarm(`DELETE FROM usage`), "usage books: "},
		"a booking too many":             {sqlHarm(`UPDATE usage SET micro_usd = micro_usd + 5`), "usage books: "},
		"a broken foreign key":           {sqlHarm(`PRAGMA foreign_keys = OFF; DELETE FROM blobs WHERE sha256 = (SELECT min(sha256) FROM files)`), "foreign keys: A row of"},
		"a reference that nothing holds": {sqlHarm(`DELETE FROM blob_jobs`), "has saved a file that nothing keeps"},
		"a kept file that is dying":      {sqlHarm(`UPDATE blobs SET state = 2, dying_at = 1 WHERE sha256 = (SELECT min(sha256) FROM files)`), "its bytes are being deleted"},
		"a foreign trigger":              {sqlHarm(`CREATE TRIGGER bad AFTER INSERT ON jobs BEGIN DELETE FROM keys; END`), "trigger bad that Steward did not make"},
		"a lost index":                   {sqlHarm(`DROP INDEX jobs_due`), "has no index jobs_due"},
		"a damaged page":                 {damagePages, "database pages: "},
		"no database at all":             {addFile(func(d string) string { return filepath.Join(d, "steward.db") }, strings.Repeat("no database ", 1000)), "cannot be opened"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := copyFolder(t, whole)
			c.harm(t, data)
			r := verify(t, data)
			if got := findings(r.Findings); r.OK || !strings.Contains(got, c.want) {
				t.Errorf("OK %v, found:\n%swant %q", r.OK, got, c.want)
			}
		})
	}
}

// TestABackupOfADamagedInstallationIsRefusedUnlessAsked: it is made when the operator wants what is left, and says what is wrong.
func TestABackupOfADamagedInstallationIsRefusedUnlessAsked(t *testing.T) {
	t.Parallel()
	whole := full(t, 6)
	for name, harm := range map[string]func(t *testing.T, data string){"flipped": flipBlob, "missing": removeBlob} {
		for _, target := range []string{"b", "b.tar.zst"} {
			t.Run(name+" "+target, func(t *testing.T) {
				t.Parallel()
				data, to := copyFolder(t, whole), filepath.Join(t.TempDir(), target)
				harm(t, data)
				if _, err := create(t.Context(), data, to); !errors.Is(err, backup.ErrDamaged) {
					t.Fatalf("Create: %v", err)
				}
				if left, err := filepath.Glob(to + "*"); err != nil || len(left) > 0 {
					t.Fatalf("left behind: %v, %v", left, err)
				}
				m, err := backup.Create(t.Context(), backup.CreateParams{Source: backup.Source{Data: data}, Target: to, DespiteDamage: true})
				if err != nil || len(m.Damage) != 1 {
					t.Fatalf("Create despite damage: %+v, %v", m, err)
				}
				if r := verifyBackup(t, to); r.OK || len(r.Findings) != 1 || r.Findings[0].Check != "damage before the backup" {
					t.Errorf("VerifyBackup: %s", findings(r.Findings))
				}
				folder := filepath.Join(t.TempDir(), "data")
				if _, err := backup.Restore(t.Context(), backup.RestoreParams{Path: to, Data: folder}); !errors.Is(err, backup.ErrDamaged) {
					t.Errorf("Restore: %v", err)
				}
				if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("a refused restore left its folder: %v", err)
				}
				if _, err := backup.Restore(t.Context(), backup.RestoreParams{Path: to, Data: folder, DespiteDamage: true}); err != nil {
					t.Errorf("Restore despite damage: %v", err)
				}
			})
		}
	}
}

func TestADamagedDatabaseIsNotBackedUp(t *testing.T) {
	t.Parallel()
	data := full(t, 6)
	damagePages(t, data)
	if _, err := create(t.Context(), data, filepath.Join(t.TempDir(), "b")); err == nil {
		t.Error("a damaged database was backed up")
	}
}

func TestTargetsAndFoldersAreNeverWrittenOver(t *testing.T) {
	t.Parallel()
	data, dir := full(t, 2), t.TempDir()
	for _, name := range []string{"b", "b.tar", "b.tgz"} {
		to := filepath.Join(dir, name)
		mustCreate(t, data, to)
		if _, err := create(t.Context(), data, to); !errors.Is(err, backup.ErrExists) {
			t.Errorf("a second backup to %s: %v", name, err)
		}
	}
	if _, err := backup.Restore(t.Context(), backup.RestoreParams{Path: filepath.Join(dir, "b"), Data: data}); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("a restore over a data folder: %v", err)
	}
	other := filepath.Join(dir, "mine.partial", "work")
	if err := os.MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t.Context(), data, filepath.Join(dir, "mine")); err == nil {
		t.Error("a folder of somebody else was taken for an interrupted backup")
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a folder of somebody else was emptied: %v", err)
	}
}

func TestABackupThatWasKilledBeforeItLostItsFirstNameIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	data := full(t, 3)
	dir := t.TempDir()
	target, kept := filepath.Join(dir, "b.tar.zst"), filepath.Join(dir, "b-1.tar.zst")
	if _, err := create(t.Context(), data, target); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Link(target, target+".partial"), os.Rename(target, kept)); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t.Context(), data, target); err != nil {
		t.Fatal(err)
	}
	wantFine(t, "the earlier backup", verifyBackup(t, kept))
	wantFine(t, "the backup", verifyBackup(t, target))
	if _, err := os.Lstat(target + ".partial"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

func TestSecretsAreLeftOutUnlessAsked(t *testing.T) {
	t.Parallel()
	data, dir := full(t, 1), t.TempDir()
	if m := mustCreate(t, data, filepath.Join(dir, "without")); m.Secrets || m.HasSecret() {
		t.Errorf("manifest: %+v", m.Manifest)
	}
	for _, name := range []string{"secret.key", "credentials.json", "steward.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, "without", name)); err == nil {
			t.Errorf("%s is in the backup", name)
		}
	}
	m, err := backup.Create(t.Context(), backup.CreateParams{Source: backup.Source{Data: data}, Target: filepath.Join(dir, "with"), WithSecrets: true})
	if err != nil || !m.Secrets || !m.HasSecret() {
		t.Fatalf("with secrets: %+v, %v", m, err)
	}
	for _, name := range []string{"secret.key", "credentials.json"} {
		want, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "with", name)); err != nil || string(got) != string(want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	restore := func(expect string) error {
		_, err := backup.Restore(t.Context(), backup.RestoreParams{Path: filepath.Join(dir, "with"), Data: filepath.Join(t.TempDir(), "d"), Expect: expect})
		return err
	}
	if err := restore(strings.Repeat("0", 64)); !errors.Is(err, backup.ErrOther) {
		t.Errorf("a backup that was not expected: %v", err)
	}
	if err := restore(m.ManifestSHA256); err != nil {
		t.Errorf("the expected backup: %v", err)
	}
}
