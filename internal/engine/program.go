package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
)

// Limits of a version's content.
const (
	MaxInputs      = 64
	MaxConfigBytes = 1 << 20
)

// Program is a version made ready to run: its engine, its configuration checked and its templates parsed. It is immutable
// and safe for concurrent use, so one Program serves all runs of a version.
type Program struct {
	Engine      Engine
	Type        steward.EngineType
	Definitions []steward.InputDefinition
	Warnings    []string // what is odd but not wrong; for people

	params           []compiled
	models           ModelSource
	ignoredTemplates bool // a key that the engine ignores names an input
}

// compiled is one parameter with what the configuration says about it.
type compiled struct {
	Param
	node    *node  // nil when the configuration is silent
	bindKey string // input that fills it then; "" means none

	schema *sharedSchema // of a schema that no input changes
}

// ProgramParams is the content of a version.
type ProgramParams struct {
	EngineClassID string
	Definitions   []steward.InputDefinition
	Config        json.RawMessage // a JSON object; nil and null mean {}
}

// Compile checks a version's content and makes it ready to run. An empty list of definitions becomes the engine's default
// inputs when the configuration fills none of the parameters that they would fill.
//
// Errors: Invalid with Field engine_class_id, input_definitions or engine_config.
func Compile(reg *Registry, models ModelSource, p ProgramParams) (*Program, error) {
	e, typ, ok := reg.Engine(p.EngineClassID)
	if !ok {
		return nil, invalid("engine_class_id", "%q is not a known engine. Known engines: %s.", clip(p.EngineClassID, 64), strings.Join(reg.order, ", "))
	}
	if len(p.Config) > MaxConfigBytes {
		return nil, invalid("engine_config", "must not be longer than %d bytes.", MaxConfigBytes)
	}
	config, err := decodeObject(p.Config)
	if err != nil {
		return nil, invalid("engine_config", "must be a JSON object.")
	}
	prog := &Program{Engine: e, Type: typ, Definitions: p.Definitions, models: models}
	if len(prog.Definitions) == 0 && !fillsDefaults(e.Params(), config, typ.DefaultInputDefinitions) {
		prog.Definitions = slices.Clone(typ.DefaultInputDefinitions)
	}
	if err := checkDefinitions(prog.Definitions); err != nil {
		return nil, err
	}
	if err := prog.compileParams(e.Params(), config); err != nil {
		return nil, err
	}
	if err := prog.checkModel(); err != nil {
		return nil, err
	}
	return prog, nil
}

func invalid(field, format string, args ...any) *steward.Error {
	return &steward.Error{Code: steward.Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// fillsDefaults reports whether the configuration names a parameter that the default inputs would fill.
func fillsDefaults(params []Param, config object, defaults []steward.InputDefinition) bool {
	for _, p := range params {
		if _, ok := config.find(p); !ok {
			continue
		}
		if slices.ContainsFunc(defaults, func(d steward.InputDefinition) bool { return d.Key == p.Name || slices.Contains(p.Aliases, d.Key) }) {
			return true
		}
	}
	return false
}

// dataTypePattern is what a definition's data type looks like: a MIME type or range, or one of the plain words.
var dataTypePattern = regexp.MustCompile(`^(boolean|number|(text|image|audio|video|application|\*)/(\*|[A-Za-z0-9][A-Za-z0-9.+-]{0,63}))$`)

// reserved reports whether a key is a field of a run's body that is no input.
func reserved(key string) bool {
	return key == "metadata" || key == "idempotency_key" || key == "timeout_seconds"
}

func checkDefinitions(defs []steward.InputDefinition) error {
	const field = "input_definitions"
	if len(defs) > MaxInputs {
		return invalid(field, "must not have more than %d entries.", MaxInputs)
	}
	seen := make(map[string]bool, len(defs))
	for i, d := range defs {
		switch {
		case !ValidKey(d.Key):
			return invalid(field, "[%d].key %q must be a letter or '_' followed by at most 127 letters, digits or '_'.", i, clip(d.Key, 64))
		case reserved(d.Key):
			return invalid(field, "[%d].key %q is reserved.", i, d.Key)
		case seen[d.Key]:
			return invalid(field, "[%d].key %q is used twice.", i, d.Key)
		case !dataTypePattern.MatchString(d.DataType):
			return invalid(field, "[%d].data_type %q must be a MIME type such as text/plain, application/pdf or image/*.", i, clip(d.DataType, 64))
		}
		seen[d.Key] = true
	}
	return nil
}

// compileParams joins the engine's parameters with the configuration.
func (g *Program) compileParams(params []Param, config object) error {
	used := make(map[string]bool)
	for _, p := range params {
		c := compiled{Param: p}
		if m, ok := config.find(p); ok {
			used[m.name] = true
			n, err := parseNode(m.value, g.defines)
			if err != nil {
				return invalid("engine_config", "%s", err)
			}
			c.node = n
			if raw, ok := n.static(); ok {
				if err := c.fix(raw); err != nil {
					return invalid("engine_config", "%s", err)
				}
			}
		} else if p.Bindable {
			c.bindKey = g.bindingKey(p)
		}
		if p.Required && c.node == nil && c.bindKey == "" && p.Default == nil {
			return invalid("engine_config", "%s is required%s.", p.Name, requiredHint(p))
		}
		g.params = append(g.params, c)
	}
	for _, m := range config {
		if !used[m.name] {
			g.Warnings = append(g.Warnings, fmt.Sprintf("engine_config.%s is not a parameter of %s and is ignored.", clip(m.name, 64), g.Type.ClassID))
			n, err := parseNode(m.value, g.defines)
			if err != nil {
				return invalid("engine_config", "%s", err)
			}
			if _, fixed := n.static(); !fixed {
				g.ignoredTemplates = true
			}
		}
	}
	return nil
}

// fix checks a value that no input changes. A schema that cannot be used is found here, not by the first job.
func (c *compiled) fix(raw json.RawMessage) error {
	v, err := coerce(&c.Param, raw)
	if err != nil || c.Kind != KindSchema || !v.set {
		return err
	}
	c.schema = &sharedSchema{raw: v.raw}
	var f *steward.Failure
	if _, err := c.schema.compile(); errors.As(err, &f) {
		return errors.New(f.Message)
	}
	return nil
}

func requiredHint(p Param) string {
	if !p.Bindable {
		return ""
	}
	return fmt.Sprintf("; set it, or define an input with the key %s", p.Name)
}

func (g *Program) defines(key string) bool {
	return slices.ContainsFunc(g.Definitions, func(d steward.InputDefinition) bool { return d.Key == key })
}

// bindingKey returns the input that fills p when the configuration is silent about it.
func (g *Program) bindingKey(p Param) string {
	for _, name := range append([]string{p.Name}, p.Aliases...) {
		if g.defines(name) {
			return name
		}
	}
	return ""
}

// checkModel refuses unknown models at save and notes a missing provider.
func (g *Program) checkModel() error {
	for _, c := range g.params {
		if c.Kind != KindModel {
			continue
		}
		id := ""
		if c.node != nil {
			raw, ok := c.node.static()
			if !ok {
				return nil // known only with the inputs
			}
			if err := json.Unmarshal(raw, &id); err != nil {
				return invalid("engine_config", "%s must be a string.", c.Name)
			}
		}
		_, _, err := g.models.Model(id)
		var f *steward.Failure
		switch {
		case err == nil:
		case errors.As(err, &f) && f.Code == steward.FailProviderNotConfigured:
			g.Warnings = append(g.Warnings, f.Message)
		case errors.As(err, &f):
			return invalid("engine_config", "%s", f.Message)
		default:
			return fmt.Errorf("look up model: %w", err)
		}
		return nil
	}
	return nil
}

// Provider returns the model provider that a run with a configuration will use; "" when none, or none that is known.
func (g *Program) Provider(c Config) string {
	if info, ok := g.model(c); ok && len(info.Providers) > 0 {
		return info.Providers[0]
	}
	return ""
}

// Bind puts a job's inputs into the configuration. Long texts must stand in Value.
//
// Errors: Invalid with Field steward.InputField: a missing input that is needed, a value that the parameter cannot take.
func (g *Program) Bind(inputs []steward.Input) (Config, error) {
	byKey := make(map[string]*steward.Input, len(inputs))
	for i := range inputs {
		byKey[inputs[i].Key] = &inputs[i]
	}
	c := Config{values: make(map[string]value, len(g.params))}
	for i := range g.params {
		p := &g.params[i]
		v, err := p.bind(byKey)
		if err != nil {
			return Config{}, err
		}
		c.values[p.Name] = v
	}
	if ck, ok := g.Engine.(ConfigChecker); ok {
		if err := ck.CheckConfig(c); err != nil {
			return Config{}, g.checkError(err)
		}
	}
	return c, nil
}

// ConfigChecker is an Engine with rules that span several parameters.
type ConfigChecker interface {
	// CheckConfig looks at a configuration with its inputs put in. The error's text is for users.
	CheckConfig(c Config) error
}

// NeedsError is what a ConfigChecker returns when a parameter that is not required in itself has to be there after all.
type NeedsError struct {
	Param string
}

// Error says what is missing.
func (e *NeedsError) Error() string { return e.Param + " is required" }

// checkError makes an input error of a checker's; a missing parameter is named by the input that would fill it.
func (g *Program) checkError(err error) error {
	var needs *NeedsError
	if !errors.As(err, &needs) {
		return &steward.Error{Code: steward.Invalid, Field: steward.InputField, Message: err.Error()}
	}
	key := needs.Param
	for _, c := range g.params {
		if c.Name != needs.Param {
			continue
		}
		if c.bindKey != "" {
			key = c.bindKey
		}
		if c.node != nil {
			if k, whole := c.node.wholeKey(); whole {
				key = k
			}
		}
	}
	return steward.MissingInput(key)
}

// bind gives one parameter its value: from the configuration, from the input of its name, from its default.
func (c *compiled) bind(inputs map[string]*steward.Input) (value, error) {
	v, missing, err := c.resolve(inputs)
	if err != nil {
		return value{}, err
	}
	if !v.set && c.Default != nil {
		raw, err := json.Marshal(c.Default)
		if err != nil {
			return value{}, fmt.Errorf("default of %s: %w", c.Name, err)
		}
		return coerce(&c.Param, raw)
	}
	if !v.set && c.Required {
		if missing == "" {
			missing = c.Name
		}
		return value{}, steward.MissingInput(missing)
	}
	return v, nil
}

func (c *compiled) resolve(inputs map[string]*steward.Input) (v value, missing string, err error) {
	key := c.bindKey
	if c.node != nil {
		if k, whole := c.node.wholeKey(); whole {
			key = k
		} else {
			raw, err := c.node.render(inputs)
			if err != nil {
				return value{}, "", err
			}
			v, err = coerce(&c.Param, raw)
			v.shared = c.schema
			return v, "", inputError(err)
		}
	}
	in := inputs[key]
	if in == nil {
		return value{}, key, nil
	}
	v, err = c.fromInput(in)
	return v, key, inputError(err)
}

func inputError(err error) error {
	if err == nil {
		return nil
	}
	return &steward.Error{Code: steward.Invalid, Field: steward.InputField, Message: err.Error()}
}

// fromInput gives a parameter an input's native form.
func (c *compiled) fromInput(in *steward.Input) (value, error) {
	if len(in.Files) > 0 {
		if c.Kind != KindFiles && !c.TakesFiles {
			return value{}, fmt.Errorf("%s cannot be a file (input %s)", c.Name, in.Key)
		}
		v := value{set: true}
		for i := range in.Files {
			v.files = append(v.files, FileRef{File: &in.Files[i]})
		}
		return v, nil
	}
	if in.JSON && c.Kind != KindText {
		return coerce(&c.Param, json.RawMessage(in.Value))
	}
	raw, err := json.Marshal(in.Value)
	if err != nil {
		return value{}, fmt.Errorf("input %s: %w", in.Key, err)
	}
	return coerce(&c.Param, raw)
}
