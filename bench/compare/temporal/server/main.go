// Command server is Temporal's server as its command line's development server sets it up: all services in one process, one history
// shard, a SQLite file, a namespace called default. It is built from the server's own library because the command line's releases cannot
// be built as modules; a module of its own because it takes minutes to compile.
//
// What is set differently is that SQLite keeps a write-ahead log, with fsync on each commit: the development server leaves SQLite at its
// default journal, which is as durable and slower.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite" // registers itself
	"go.temporal.io/server/common/primitives"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"

	"github.com/stewardhq/steward/bench/compare/wire"
)

const (
	host        = "127.0.0.1"
	namespace   = "default"
	clusterName = "active"
	store       = "sqlite"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "temporal server:", err)
		os.Exit(1)
	}
}

// run serves until the process is killed.
func run() error {
	port, err := strconv.Atoi(os.Getenv(wire.EnvPort))
	if err != nil {
		return fmt.Errorf("read port: %w", err)
	}
	database, err := openDatabase(filepath.Join(os.Getenv(wire.EnvFolder), "temporal.db"))
	if err != nil {
		return err
	}
	hosts := map[primitives.ServiceName]static.Hosts{}
	services := map[string]config.Service{}
	for i, name := range []primitives.ServiceName{primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService} {
		services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: port + i, BindOnIP: host}}
		hosts[name] = static.SingleLocalHost(net.JoinHostPort(host, strconv.Itoa(port+i)))
	}
	frontend := net.JoinHostPort(host, strconv.Itoa(port))
	c := &config.Config{
		Persistence: config.Persistence{
			DefaultStore: store, VisibilityStore: store, NumHistoryShards: 1, DataStores: map[string]config.DataStore{store: {SQL: database}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		Archival:            config.Archival{History: config.HistoryArchival{State: "disabled"}, Visibility: config.VisibilityArchival{State: "disabled"}},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History: config.HistoryArchivalNamespaceDefaults{State: "disabled"}, Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
	c.Global.Membership.MaxJoinDuration = 30 * time.Second
	c.Global.Membership.BroadcastAddress = host
	s, err := temporal.NewServer(
		temporal.WithConfig(c), temporal.ForServices(temporal.DefaultServices), temporal.WithStaticHosts(hosts),
		temporal.WithLogger(log.NewZapLogger(log.BuildZapLogger(log.Config{Stdout: false, Level: "error"}))),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithDynamicConfigClient(dynamicconfig.StaticClient{
			dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 8096, // as the development server
		}),
		temporal.InterruptOn(temporal.InterruptCh()),
	)
	if err != nil {
		return fmt.Errorf("make server: %w", err)
	}
	return s.Start()
}

// openDatabase makes the schema in a new file, and says how to open it.
func openDatabase(path string) (*config.SQL, error) {
	c := &config.SQL{PluginName: "sqlite", DatabaseName: path, ConnectAttributes: map[string]string{
		"mode": "rwc", "journal_mode": "WAL", "synchronous": "FULL",
	}}
	if _, err := os.Stat(path); err == nil {
		return c, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := sqliteschema.SetupSchema(c); err != nil {
		return nil, fmt.Errorf("make schema: %w", err)
	}
	ns, err := sqliteschema.NewNamespaceConfig(clusterName, namespace, false, nil)
	if err != nil {
		return nil, fmt.Errorf("make namespace: %w", err)
	}
	if err := sqliteschema.CreateNamespaces(c, ns); err != nil {
		return nil, fmt.Errorf("make namespace: %w", err)
	}
	return c, nil
}
