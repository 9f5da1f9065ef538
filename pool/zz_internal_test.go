package pool
import ("testing";"context";"sync";"time";"sort";"fmt")
func TestZZ(t *testing.T){
	ctx,c := context.WithCancel(context.Background()); defer c()
	p,_ := New(Config[*int]{Dial: func(context.Context)(*int,error){return new(int),nil}, MaxOpen:4})
	sh,_ := New(Config[*int]{Dial: func(context.Context)(*int,error){return new(int),nil}, Capacity: func(*int)int{return 100}, Watch: func(*int,func()){}})
	full,_ := New(Config[*int]{Dial: func(context.Context)(*int,error){return new(int),nil}, MaxOpen:4, MaxIdle:4, Check: func(context.Context,*int)error{return nil}, Recycle: func(*int)error{return nil}, MaxUses: 1<<60, MaxLifetime: time.Hour, MaxIdleTime: time.Hour, WaitTimeout: time.Hour})
	sp := sync.Pool{New: func() any { return new(int) }}
	fs := []func(int){
		func(n int){ for range n { l,_:=p.Acquire(ctx); l.Release() } },
		func(n int){ for range n { l,_:=sh.Acquire(ctx); l.Release() } },
		func(n int){ for range n { l,_:=full.Acquire(ctx); l.Release() } },
		func(n int){ for range n { v:=sp.Get(); sp.Put(v) } },
	}
	rat := make([][]float64, len(fs)); abs := make([][]float64, len(fs))
	for range 60 {
		var d []float64
		for i,f := range fs { t0:=time.Now(); f(200_000); x:=float64(time.Since(t0))/200_000; d=append(d,x); abs[i]=append(abs[i],x) }
		for i := range fs { rat[i]=append(rat[i], d[i]/d[len(fs)-1]) }
	}
	for i := range fs { sort.Float64s(rat[i]); sort.Float64s(abs[i]); fmt.Printf("%d ratio %.2f min %.1f median %.1f\n", i, rat[i][30], abs[i][0], abs[i][30]) }
}
