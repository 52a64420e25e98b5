package influxdb3test

import "net/http"

// recovery is the API of the recovery listener: the one route, without authentication and without
// the cluster-uuid header. That the listener closes after its first success is up to the front.
type recovery struct{ *embedded }

func (s recovery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.answer(r).write(w, s.now())
}

func (s recovery) answer(r *http.Request) reply {
	if r.Method != http.MethodPost || r.URL.Path != pathRegenerate {
		return success(http.StatusNotFound, "", "not found")
	}
	rep := s.created(s.catalog.regenerate())
	rep.header.Del("Content-Type")
	if !s.upTo(7) || rep.status == http.StatusCreated {
		rep.allowOrigin()
	}
	return rep
}
