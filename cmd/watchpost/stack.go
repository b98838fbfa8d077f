package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
)

// stack runs the rooms of the house. What is started last is stopped first, so
// that a room never outlives one that it needs.
type stack struct {
	log   *slog.Logger
	mu    sync.Mutex
	rooms []*room
	// failed gets the first error of a room that ended by itself.
	failed chan error
}

type room struct {
	name string
	stop func()
	done chan struct{}
	err  error
}

func newStack(log *slog.Logger) *stack { return &stack{log: log, failed: make(chan error, 1)} }

// run starts a room whose function blocks until its context ends.
func (s *stack) run(name string, f func(context.Context) error) {
	// The context is not a child of the caller's: rooms end in their order,
	// not all at once when the signal comes.
	ctx, cancel := context.WithCancel(context.Background())
	r := &room{name: name, stop: cancel, done: make(chan struct{})}
	s.push(r)
	go func() {
		defer close(r.done)
		err := f(ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			r.err = fmt.Errorf("%s: %w", name, err)
			select {
			case s.failed <- r.err:
			default: // an earlier one is known already
			}
		}
	}()
}

// onStop adds what only has to be closed.
func (s *stack) onStop(name string, f func() error) {
	r := &room{name: name, done: make(chan struct{})}
	r.stop = func() {
		if err := f(); err != nil {
			r.err = fmt.Errorf("%s: %w", name, err)
		}
		close(r.done)
	}
	s.push(r)
}

func (s *stack) push(r *room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rooms = append(s.rooms, r)
}

// stopAll ends all rooms, the last one first, and joins their errors.
func (s *stack) stopAll() error {
	s.mu.Lock()
	rooms := s.rooms
	s.rooms = nil
	s.mu.Unlock()
	var errs []error
	for _, r := range slices.Backward(rooms) {
		s.log.Debug("stopping", "room", r.name)
		r.stop()
		<-r.done
		errs = append(errs, r.err)
	}
	return errors.Join(errs...)
}
