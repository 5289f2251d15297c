package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newFiles(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "files", Short: "Upload, list, download and delete stored files"}
	cmd.AddCommand(newFilesUpload(g), newFilesList(g), newFilesDownload(g),
		fileCommand(g, "get", "Show what is known of a stored file, as JSON", (*global).filesGet),
		without(fileCommand(g, "delete", "Delete a stored file; jobs that used it keep their copy", (*global).filesDelete), "json"))
	return asGroup(cmd)
}

// filesUpload are the options of files upload.
type filesUpload struct {
	name, dataset string
	temporary     bool
}

func newFilesUpload(g *global) *cobra.Command {
	var o filesUpload
	cmd := &cobra.Command{
		Use: "upload PATH...", Short: "Store files, and print their ids", Args: atLeastOne("PATH"),
		Long: `Store files, and print their ids, one a line. PATH "-" is standard input. An id is an input of any run: steward run AGENT --input KEY=file_ID`,
		Example: `steward files upload invoice.pdf
steward files upload *.pdf --dataset 0193… --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runFilesUpload(cmd.Context(), g, args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "Name of the file, when there is one (default: its own)")
	f.StringVar(&o.dataset, "dataset", "", "UUID that groups files")
	f.BoolVar(&o.temporary, "temporary", false, "Drop it after an hour, unless a job takes it; then it goes with the job's data")
	return cmd
}

func runFilesUpload(ctx context.Context, g *global, paths []string, o filesUpload) error {
	switch {
	case o.name != "" && len(paths) > 1:
		return usagef("--name is for one file")
	case o.temporary && o.dataset != "":
		return usagef("--temporary and --dataset exclude each other")
	}
	dataset, err := parseDataset(o.dataset)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if path == "-" {
			continue
		}
		if info, err := os.Stat(path); err != nil {
			return &usageError{err}
		} else if info.IsDir() {
			return usagef("%s is a folder", path)
		}
	}
	c, err := g.client()
	if err != nil {
		return err
	}
	list := []*client.StoredFile{}
	for _, path := range paths {
		in := client.FilePath(path)
		if path == "-" {
			in = client.FileReader("stdin", g.in)
		}
		if o.name != "" {
			in.Name = o.name
		}
		f, err := c.UploadFile(ctx, in, &client.FileOptions{DatasetID: dataset, Temporary: o.temporary})
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", path, err), g.printUploads(list))
		}
		if list = append(list, f); !g.json {
			if err := g.printf("%s\n", f.ID); err != nil {
				return err
			}
		}
	}
	return g.printUploads(list)
}

// parseDataset reads a flag that may be missing.
func parseDataset(s string) (steward.DatasetID, error) {
	if s == "" {
		return "", nil
	}
	return parseID[steward.DatasetID]("--dataset", s)
}

// printUploads prints what was stored, for programs.
func (g *global) printUploads(list []*client.StoredFile) error {
	if !g.json {
		return nil
	}
	return g.printJSON(list)
}

func newFilesList(g *global) *cobra.Command {
	var dataset string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List stored files, newest first", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := parseDataset(dataset)
			if err != nil {
				return err
			}
			c, err := g.client()
			if err != nil {
				return err
			}
			list, err := collect(c.Files(cmd.Context(), client.FileList{DatasetID: id, PageSize: pageSize(limit)}), limit)
			if err != nil {
				return err
			}
			if g.json {
				return g.printJSON(list)
			}
			return table(g.out, "ID\tNAME\tTYPE\tBYTES\tCREATED", func(row func(...any)) {
				for _, f := range list {
					row(f.ID, f.Name, f.ContentType, f.SizeBytes, minute(f.CreatedAt))
				}
			})
		},
	}
	cmd.Flags().StringVar(&dataset, "dataset", "", "Only those of this UUID")
	limitFlag(cmd.Flags(), &limit, 0)
	return cmd
}

// fileCommand is a command about one stored file.
func fileCommand(g *global, verb, short string, run func(*global, context.Context, *client.Client, steward.FileID) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: verb + " FILE", Short: short, Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := g.file(args[0])
			if err != nil {
				return err
			}
			return run(g, cmd.Context(), c, id)
		},
	}
	g.completeArgs(cmd, (*completer).files)
	return cmd
}

// file returns the SDK and the stored file that an argument names.
func (g *global) file(s string) (*client.Client, steward.FileID, error) {
	id, err := steward.ParseFileID("FILE", s)
	if err != nil {
		return nil, "", &usageError{err}
	}
	c, err := g.client()
	return c, id, err
}

func (g *global) filesGet(ctx context.Context, c *client.Client, id steward.FileID) error {
	f, err := c.File(ctx, id)
	if err != nil {
		return err
	}
	return g.printJSON(f)
}

func (g *global) filesDelete(ctx context.Context, c *client.Client, id steward.FileID) error {
	if err := c.DeleteFile(ctx, id); err != nil {
		return err
	}
	return g.notef("File %s is deleted.", id)
}

func newFilesDownload(g *global) *cobra.Command {
	var to, folder string
	cmd := fileCommand(g, "download", "Download a stored file", func(g *global, ctx context.Context, c *client.Client, id steward.FileID) error {
		if folder != "" {
			if to != "" {
				return usagef("--to and --output exclude each other")
			}
			f, err := c.File(ctx, id)
			if err != nil {
				return err
			}
			if to, err = pathBelow(folder, f.Name); err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // a folder of the caller's, read like others
				return fmt.Errorf("make folder: %w", err)
			}
		}
		return g.save(to, func(w io.Writer) error {
			_, err := c.DownloadFile(ctx, id, w, nil)
			return err
		})
	})
	cmd.Flags().StringVarP(&to, "output", "o", "", "File to write (default: standard output)")
	cmd.Flags().StringVar(&folder, "to", "", "Folder to write into, under the file's own name")
	return without(cmd, "json")
}
