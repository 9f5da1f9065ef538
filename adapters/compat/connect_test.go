package compat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/berth-go/berth/adapters/httpconn"
)

type text = wrapperspb.StringValue

// rpcServer has a call and a stream: what comes in goes out with "re: " before it.
func rpcServer() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/test/Call", connect.NewUnaryHandler("/test/Call", func(_ context.Context, r *connect.Request[text]) (*connect.Response[text], error) {
		return connect.NewResponse(wrapperspb.String("re: " + r.Msg.GetValue())), nil
	}))
	mux.Handle("/test/Stream", connect.NewBidiStreamHandler("/test/Stream", func(_ context.Context, s *connect.BidiStream[text, text]) error {
		for {
			m, err := s.Receive()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := s.Send(wrapperspb.String("re: " + m.GetValue())); err != nil {
				return err
			}
		}
	}))
	return mux
}

var protocols = map[string][]connect.ClientOption{
	"Connect":  nil,
	"gRPC":     {connect.WithGRPC()},
	"gRPC-Web": {connect.WithGRPCWeb()},
}

func TestCallsOfARemoteProcedure(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			s := serve(t, true, rpcServer())
			tr := newTransport(t, s, httpconn.Config{MaxConnsPerHost: 1})
			c := connect.NewClient[text, text](&http.Client{Transport: tr}, s.URL+"/test/Call", options...)
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					got, err := c.CallUnary(t.Context(), connect.NewRequest(wrapperspb.String(fmt.Sprint(i))))
					if assert.NoError(t, err) {
						assert.Equal(t, fmt.Sprint("re: ", i), got.Msg.GetValue())
					}
				})
			}
			wg.Wait()
			assert.Equal(t, uint64(1), tr.Stats().Dials)
		})
	}
}

func TestStreamsBothWays(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			s := serve(t, true, rpcServer())
			tr := newTransport(t, s, httpconn.Config{MaxConnsPerHost: 1})
			c := connect.NewClient[text, text](&http.Client{Transport: tr}, s.URL+"/test/Stream", options...)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var wg sync.WaitGroup
			for i := range 10 {
				wg.Go(func() { assert.NoError(t, converse(ctx, c, i)) })
			}
			wg.Wait()
			assert.Equal(t, uint64(1), tr.Stats().Dials, "all streams on one connection")
			// The end of a request that is not read to its end by the server comes
			// after that of the response.
			assert.Eventually(t, func() bool { return tr.Stats().Leases == 0 }, patience, time.Millisecond)
		})
	}
}

// converse sends messages and waits for the answer to each before the next.
func converse(ctx context.Context, c *connect.Client[text, text], i int) error {
	stream := c.CallBidiStream(ctx)
	for j := range 20 {
		sent := fmt.Sprint(i, " ", j)
		if err := stream.Send(wrapperspb.String(sent)); err != nil {
			return err
		}
		got, err := stream.Receive()
		if err != nil {
			return err
		}
		if got.GetValue() != "re: "+sent {
			return fmt.Errorf("got %q for %q", got.GetValue(), sent)
		}
	}
	if err := stream.CloseRequest(); err != nil {
		return err
	}
	if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the last message: %w", err)
	}
	return stream.CloseResponse()
}

func TestStreamThatIsCanceledFreesItsConnection(t *testing.T) {
	s := serve(t, true, rpcServer())
	tr := newTransport(t, s, httpconn.Config{MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
	c := connect.NewClient[text, text](&http.Client{Transport: tr}, s.URL+"/test/Stream", connect.WithGRPC())
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		stream := c.CallBidiStream(ctx)
		require.NoError(t, stream.Send(wrapperspb.String("x")))
		_, err := stream.Receive()
		require.NoError(t, err)
		cancel()
		_, err = stream.Receive()
		require.Equal(t, connect.CodeCanceled, connect.CodeOf(err))
		_ = stream.CloseRequest()
		_ = stream.CloseResponse()
	}
}
