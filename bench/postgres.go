package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// withPostgres runs fn with the URL of a new, empty database on the server that STEWARD_TEST_POSTGRES_URL names, or on the
// private one that scripts/postgres.sh starts.
func withPostgres(ctx context.Context, fn func(url string) error) (err error) {
	server, err := postgresServer(ctx)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	name := "steward_bench_" + hex.EncodeToString(random[:])
	if _, err := conn.Exec(ctx, "create database "+name); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	defer func() {
		_, derr := conn.Exec(context.WithoutCancel(ctx), "drop database "+name+" with (force)")
		err = errors.Join(err, derr)
	}()
	u, err := url.Parse(server)
	if err != nil {
		return errors.New("the PostgreSQL URL is not valid")
	}
	u.Path = "/" + name
	return fn(u.String())
}

func postgresServer(ctx context.Context) (string, error) {
	if u := os.Getenv("STEWARD_TEST_POSTGRES_URL"); u != "" {
		return u, nil
	}
	dir, err := benchDir()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "..", "scripts", "postgres.sh"), "start")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("start PostgreSQL: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
