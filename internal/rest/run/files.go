package run

import (
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/rest/wire"
	"github.com/stewardhq/steward/internal/store"
)

const (
	pathFiles = "/v1/files/"
	pathFile  = "/v1/files/{file_id}/"

	pathDatasetUpload = "/v1/datasets/files/upload/"

	fieldFile      = "file"
	fieldDataset   = "dataset_id"
	fieldTemporary = "temporary"

	maxUpload = files.MaxFileBytes + maxOverhead
)

// The routes of stored files are an extension of the family, but for the upload to a data set: its clients only name such files in runs.
func (f *family) registerFiles() {
	file := wire.SchemaOf[storedFile](f.api, "StoredFile")
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathFiles, ID: "files_upload", Tag: tagFiles, Summary: "Store a file",
		Description: fmt.Sprintf("The file can be an input of any run afterwards, by its id or its file_ref. It may have %d MiB. It stays until it is deleted; "+
			"a temporary one is dropped after an hour unless a run takes it, and then goes with the run's data.", files.MaxFileBytes>>20),
		Status: http.StatusCreated, Errors: bodyErrors(http.StatusForbidden), Params: createKey(" The key of a temporary file lasts 30 minutes."),
		Body: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{fieldFile}, Properties: map[string]*huma.Schema{
				fieldFile:      {Type: huma.TypeString, Format: "binary"},
				fieldDataset:   {Type: huma.TypeString, Format: "uuid", Description: "Groups files; any UUID of the caller's choice."},
				fieldTemporary: {Type: huma.TypeBoolean},
			},
		}}}},
		Responses: map[string]*huma.Response{"201": wire.JSONResponse("The file", file)},
	}, f.uploadFile)
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathFiles, ID: "files_list", Tag: tagFiles, Summary: "List stored files",
		Description: "One page of the files that are kept, the newest first.",
		Errors:      []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
		Params: []*huma.Param{
			withFormat(wire.QueryParam(fieldDataset, huma.TypeString, "Only files of this data set."), "uuid"),
			wire.QueryParam("page", huma.TypeInteger, "Number of the page, from 1."),
			wire.QueryParam("page_size", huma.TypeInteger, "Rows on a page: 1 to 100, 20 when absent; more counts as 100."),
		},
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The page", wire.SchemaOf[steward.Page[storedFile]](f.api, "PageStoredFile"))},
	}, f.listFiles)
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathFile, ID: "files_retrieve", Tag: tagFiles, Summary: "Get what is known about a stored file",
		Description: "Also answers for the files that came with a run.", Errors: []int{http.StatusForbidden, http.StatusNotFound},
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The file", file)},
	}, f.getFile)
	f.api.Handle(wire.Operation{
		Method: http.MethodDelete, Path: pathFile, ID: "files_delete", Tag: tagFiles, Summary: "Delete a stored file",
		Description: "Jobs that used it keep their copy. A file that belongs to a job alone goes with the job's data: 409.",
		Status:      http.StatusNoContent, Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}, f.deleteFile)
	f.registerFileContent()
	f.registerDatasetUpload()
}

func (f *family) registerDatasetUpload() {
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathDatasetUpload, ID: "datasets_files_upload", Tag: tagFiles, Summary: "Store a file in a data set",
		Description: "As POST /v1/files/, in the form that clients of the family know: a run's input names the file as file_ and its id. " +
			"Without dataset_id it goes into the organization's default data set. metadata is not kept.",
		Errors: bodyErrors(http.StatusForbidden),
		Body: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{fieldFile}, Properties: map[string]*huma.Schema{
				fieldFile:     {Type: huma.TypeString, Format: "binary"},
				fieldDataset:  {Type: huma.TypeString, Format: "uuid", Description: "Groups files; any UUID of the caller's choice."},
				fieldMetadata: {Type: huma.TypeString, Description: "JSON; not kept."},
			},
		}}}},
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The file", wire.SchemaOf[datasetFile](f.api, "DatasetFile"))},
	}, f.uploadToDataset)
}

func (f *family) registerFileContent() {
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathFile + "content/", ID: "files_content", Tag: tagFiles, Summary: "Download a stored file",
		Description: "The bytes with their own media type. A single byte range is answered with 206.",
		Errors:      []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable},
		Params: []*huma.Param{
			wire.QueryParam("download", huma.TypeBoolean, "true: answer as an attachment to be saved."),
			wire.HeaderParam("Range", "One range, such as bytes=0-1023."),
		},
		Responses: fileResponses(),
	}, f.fileContent)
}

// storedFile is a file as the wire shows it.
type storedFile struct {
	FileID       steward.FileID     `json:"file_id" format:"uuid"`
	FileRef      string             `json:"file_ref" doc:"file_ and the id: names the file in a run's inputs."`
	DatasetID    *steward.DatasetID `json:"dataset_id" format:"uuid"`
	Name         string             `json:"name"`
	ContentType  string             `json:"content_type" doc:"Found from the bytes."`
	Size         int64              `json:"size" doc:"In bytes."`
	SHA256       string             `json:"sha256"`
	CreatedAt    time.Time          `json:"created_at"`
	UploadedFile string             `json:"uploaded_file" doc:"The name once more."`
	Temporary    bool               `json:"temporary" doc:"true: it is not kept, but waits for a run or belongs to one."`
	ExpiresAt    *time.Time         `json:"expires_at" doc:"When it is dropped unless a run takes it; null when it is not."`
}

func presentFile(f *store.FileInfo) storedFile {
	out := storedFile{
		FileID: f.ID, FileRef: "file_" + string(f.ID), Name: f.Name, ContentType: f.ContentType, Size: f.SizeBytes, SHA256: f.SHA256,
		CreatedAt: f.CreatedAt.UTC(), UploadedFile: f.Name, Temporary: !f.Kept, ExpiresAt: timeOrNull(f.ExpiresAt),
	}
	if f.DatasetID != "" {
		out.DatasetID = &f.DatasetID
	}
	return out
}

// datasetFile is a stored file as clients of the family know it.
type datasetFile struct {
	ID        steward.FileID    `json:"id" format:"uuid"`
	Dataset   dataset           `json:"dataset"`
	Name      string            `json:"name"`
	Size      int64             `json:"size" doc:"In bytes."`
	Creator   *steward.UserInfo `json:"creator"`
	CreatedAt time.Time         `json:"created_at"`
}

// dataset is a group of files.
type dataset struct {
	ID steward.DatasetID `json:"id" format:"uuid"`
}

// fileUpload is a file on its way in: the parts of its form may come in any order.
type fileUpload struct {
	who       *steward.Principal
	file      *steward.File
	dataset   steward.DatasetID
	temporary bool
}

func (f *family) uploadFile(w http.ResponseWriter, r *http.Request) error {
	who, err := steward.PrincipalFrom(r.Context(), steward.ScopeRun)
	if err != nil {
		return err
	}
	up := &fileUpload{who: who}
	var body []byte
	err = f.takeFile(w, r, up, func() (err error) {
		body, err = f.settleOnce(r, up)
		return err
	})
	if err != nil {
		return err
	}
	f.api.RawJSON(w, r, http.StatusCreated, body)
	return nil
}

// temporaryKey is how long the key of a temporary upload is remembered: not as long as the file itself is kept, so that a file which is
// answered again is there for a while.
const temporaryKey = 30 * time.Minute

// settleOnce settles an upload and returns the answer; under an idempotency key that is known the upload is dropped, and the answer is that
// of the first.
func (f *family) settleOnce(r *http.Request, up *fileUpload) ([]byte, error) {
	key := r.Header.Get(wire.IdempotencyHeader)
	if key == "" || f.Once == nil {
		info, err := f.settle(r.Context(), up, up.file.ID)
		if err != nil {
			return nil, err
		}
		return wire.Encode(presentFile(info))
	}
	settle := func(ctx context.Context, id steward.FileID) (any, error) {
		info, err := f.settle(ctx, up, id)
		if err != nil {
			return nil, err
		}
		return presentFile(info), nil
	}
	lasts := time.Duration(0)
	if up.temporary {
		lasts = temporaryKey
	}
	own := false // the answer is about this upload, though a first look at it may have failed
	body, first, err := f.once(r.Context(), key, string(up.file.ID), creation[any]{
		scope: steward.ScopeRun, kind: "file", lasts: lasts,
		content: map[string]any{fieldFile: up.file.SHA256, "name": up.file.Name, fieldDataset: up.dataset, fieldTemporary: up.temporary},
		make: func(ctx context.Context) (string, any, error) {
			made, err := settle(ctx, up.file.ID)
			return string(up.file.ID), made, err
		},
		find: func(ctx context.Context, id string) (any, error) {
			own = steward.FileID(id) == up.file.ID
			return settle(ctx, steward.FileID(id))
		},
	})
	if err == nil && !first && !own {
		f.release(r.Context(), []steward.FileID{up.file.ID})
	}
	return body, err
}

// uploadToDataset answers as the family documents it: 200, and another form. The default data set has the organization's id.
func (f *family) uploadToDataset(w http.ResponseWriter, r *http.Request) error {
	who, err := steward.PrincipalFrom(r.Context(), steward.ScopeRun)
	if err != nil {
		return err
	}
	user, err := f.Users.CurrentUser(r.Context()) // before there is a file
	if err != nil {
		return err
	}
	up := &fileUpload{who: who, dataset: steward.DatasetID(who.OrganizationID)}
	var info *store.FileInfo
	err = f.takeFile(w, r, up, func() (err error) {
		info, err = f.settle(r.Context(), up, up.file.ID)
		return err
	})
	if err != nil {
		return err
	}
	known := presentCurrentUser(*user)
	creator := known.Info()
	return f.api.JSON(w, r, http.StatusOK, datasetFile{
		ID: info.ID, Dataset: dataset{info.DatasetID}, Name: info.Name, Size: info.SizeBytes, Creator: &creator, CreatedAt: info.CreatedAt.UTC(),
	})
}

// takeFile reads an upload and has settle decide about its file, which is dropped when that fails. up has what holds when the form does
// not say otherwise.
func (f *family) takeFile(w http.ResponseWriter, r *http.Request, up *fileUpload, settle func() error) error {
	media, boundary, err := wire.MediaOf(r)
	switch {
	case err != nil:
		return err
	case media == wire.MediaNone:
		return errNoFile()
	case media != wire.MediaMultipart:
		return &steward.Error{Code: steward.Unsupported, Field: wire.ContentTypeField, Message: "Unsupported media type: send multipart/form-data."}
	case r.ContentLength > maxUpload:
		return errFileTooLarge()
	}
	err = f.readUpload(up, r, multipart.NewReader(http.MaxBytesReader(w, r.Body, maxUpload), boundary))
	if err == nil && up.file == nil {
		err = errNoFile()
	}
	if err == nil {
		err = settle()
	}
	if err == nil {
		return nil
	}
	if up.file != nil {
		f.release(r.Context(), []steward.FileID{up.file.ID})
	}
	if r.Context().Err() == nil {
		wire.Drain(w, r)
	}
	return err
}

func errNoFile() error { return wire.Invalid(fieldFile, "No file was submitted.") }

func errFileTooLarge() error {
	return &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("The file is larger than %d MiB.", files.MaxFileBytes>>20)}
}

// settle keeps an upload, which has that id, unless it is temporary.
func (f *family) settle(ctx context.Context, up *fileUpload, id steward.FileID) (*store.FileInfo, error) {
	if up.temporary && up.dataset != "" {
		return nil, wire.Invalid(fieldDataset, "A temporary file cannot be in a data set.")
	}
	if up.temporary {
		return f.Files.Info(ctx, id)
	}
	return f.Files.Keep(ctx, id, up.dataset)
}

// readUpload reads the parts of an upload. Unknown text parts are left alone.
func (f *family) readUpload(up *fileUpload, r *http.Request, parts *multipart.Reader) error {
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // wrapped, it would be the end of a body without a last boundary
			return nil
		}
		if err != nil {
			return wire.BrokenMultipart(err)
		}
		if n == maxParts {
			return &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("The body has more than %d parts.", maxParts)}
		}
		name, isFile := fileName(part)
		if isFile {
			err = f.readUploadFile(up, r, part, name)
		} else {
			err = up.readField(r, part)
		}
		if err != nil {
			return err
		}
	}
}

func (f *family) readUploadFile(up *fileUpload, r *http.Request, part *multipart.Part, name string) error {
	switch {
	case part.FormName() != fieldFile:
		return wire.Invalid(fieldFile, "The file must be in a part of this name.")
	case up.file != nil:
		return wire.Invalid(fieldFile, "Only one file can be sent.")
	}
	src := &partSource{part: part, left: maxUpload} // the service has its own limit for the file
	stored, err := f.Files.Upload(r.Context(), name, part.Header.Get("Content-Type"), src)
	if stored.ID != "" {
		up.file = &stored
	}
	if src.err != nil {
		return src.err // the client's doing, whatever the store made of it
	}
	return err
}

// readField reads a text part.
func (up *fileUpload) readField(r *http.Request, part *multipart.Part) error {
	key := part.FormName()
	text, err := wire.ReadText(r, key, part)
	if err != nil || text == "" {
		return err
	}
	switch key {
	case fieldFile:
		return wire.Invalid(fieldFile, "The submitted data was not a file: it has no file name.")
	case fieldDataset:
		up.dataset, err = datasetID(text)
	case wire.OrganizationField:
		err = wire.CheckOrganization(up.who, text)
	case fieldTemporary:
		up.temporary, err = wire.Bool(fieldTemporary, text, false)
	}
	return err
}

// datasetID reads the id of a data set.
func datasetID(s string) (steward.DatasetID, error) {
	id, err := steward.ParseID[steward.DatasetID](fieldDataset, s)
	if err != nil {
		return "", wire.Invalid(fieldDataset, "Must be a valid UUID.")
	}
	return id, nil
}

func (f *family) listFiles(w http.ResponseWriter, r *http.Request) error {
	page := wire.NewPage(r)
	number, size, err := page.Window()
	if err != nil {
		return err
	}
	p := files.ListParams{Page: number, PageSize: size}
	if s := r.URL.Query().Get(fieldDataset); s != "" {
		if p.DatasetID, err = datasetID(s); err != nil {
			return err
		}
	}
	list, count, err := f.Files.List(r.Context(), p)
	if err != nil {
		return err
	}
	rows := make([]storedFile, len(list))
	for i := range list {
		rows[i] = presentFile(&list[i])
	}
	envelope, err := wire.Envelope(f.api, page, rows, count)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, envelope)
}

// pathFileID reads the id of a file in any spelling, with or without file_ in front.
func pathFileID(r *http.Request) (steward.FileID, error) {
	id, err := steward.ParseFileID("", r.PathValue("file_id"))
	if err != nil {
		return "", &steward.Error{Code: steward.NotFound}
	}
	return id, nil
}

func (f *family) getFile(w http.ResponseWriter, r *http.Request) error {
	id, err := pathFileID(r)
	if err != nil {
		return err
	}
	info, err := f.Files.Info(r.Context(), id)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, presentFile(info))
}

func (f *family) deleteFile(w http.ResponseWriter, r *http.Request) error {
	id, err := pathFileID(r)
	if err != nil {
		return err
	}
	if err := f.Files.Delete(r.Context(), id); err != nil {
		return err
	}
	f.api.NoContent(w)
	return nil
}

func (f *family) fileContent(w http.ResponseWriter, r *http.Request) error {
	id, err := pathFileID(r)
	if err != nil {
		return err
	}
	download, err := wire.Bool("download", r.URL.Query().Get("download"), false)
	if err != nil {
		return err
	}
	content, info, err := f.Files.OpenStored(r.Context(), id)
	if err != nil {
		return referenceError(err)
	}
	defer func() { _ = content.Close() }() // read only
	ref := &steward.Reference{ContentType: info.ContentType, SizeBytes: info.SizeBytes, SHA256: info.SHA256}
	how := disposition(download, info.ContentType)
	named := mime.FormatMediaType(how, map[string]string{"filename": info.Name})
	if named == "" { // a name that a header cannot say
		named = how
	}
	return sendNamed(w, r, content, ref, named)
}
