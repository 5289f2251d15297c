// Package failpoint names the places at which a server can be killed or fail in a test: around its commits, syncs, renames and sends.
//
//	if err := failpoint.Hit("blob.sync.before"); err != nil {
//		return err
//	}
//
// In a normal build there is nothing of it: calls are inlined to nothing and no name is in the program. Programs that are built with
// the tag failpoints do at each point as the variable STEWARD_FAILPOINTS says, or what Arm was told:
//
//	STEWARD_FAILPOINTS='sqlite.commit.after=kill@3; blob.sync.before=error(EIO)@2-'
//
// The point of an operation is named sqlite.commit.after(claim jobs), and sqlite.commit.after means those of all operations.
//
// An action is kill (SIGKILL of the own process), error(EIO), error(ENOSPC), error(EROFS) or error(any text), hold(2s), and hold, which
// holds whoever comes until Arm is told something else. @3 means the third hit alone, @3- the third and all after it, none means all.
// Hits are counted from the time at which the point was armed.
//
// STEWARD_FAILPOINTS_FILE names a file with the same text, which takes its place: it is looked at every few milliseconds, so that a
// running process can be told. It should be replaced whole, by renaming another one to its name.
package failpoint

import "errors"

// Variables of the environment that programs with failpoints read.
const (
	Variable     = "STEWARD_FAILPOINTS"
	FileVariable = "STEWARD_FAILPOINTS_FILE"
)

// Seen ends the name of the file that a process writes beside the one of FileVariable when it does as that says: with the same text.
const Seen = ".seen"

// ErrNone is the error of Arm in a build that has no failpoints.
var ErrNone = errors.New("this program was built without failpoints: build it with -tags failpoints")
