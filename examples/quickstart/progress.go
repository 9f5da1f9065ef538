package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"go.uber.org/atomic"
)

// interval is the time between two lines of progress: often enough to look
// alive, seldom enough to cost nothing.
const interval = 100 * time.Millisecond

// terminal returns f if it is a terminal, else nil: progress that goes into a
// file or a pipe is rubbish there.
func terminal(f *os.File) io.Writer {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}

// show writes to w, again and again over the same line, how many of total
// requests done counts, until stop is called; stop wipes the line and returns
// when nothing more will be written. A nil w shows nothing.
func show(w io.Writer, label string, done *atomic.Int32, total int) (stop func()) {
	if w == nil {
		// Not even a goroutine: what is not shown must not disturb what is measured.
		return func() {}
	}
	end := make(chan struct{})
	var painter sync.WaitGroup
	painter.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			// Wipe to the end of the line: the one before may have been longer.
			fmt.Fprintf(w, "\r%s: %d of %d requests\x1b[K", label, done.Load(), total)
			select {
			case <-ticker.C:
			case <-end:
				fmt.Fprint(w, "\r\x1b[K")
				return
			}
		}
	})
	return func() {
		close(end)
		painter.Wait()
	}
}
