# shellcheck shell=bash disable=SC2034,SC2154
#
# Kubernetes: the servers of the tests' cluster (tests/cluster). Not linked into
# the product, and built only when it is asked for: `vendor/build glibc kubernetes`
# takes four minutes of two processors.
#
# Why: what the executor meets in production; Debian has it as source only.

package=kubernetes
suites=bookworm
series=1.20.5+really1.20.2
licence=Apache-2.0
licence_file=LICENSE
debian_patches=all
role=cluster
# what decides the result besides the source
tools='golang-1.19-go golang-github-modern-go-reflect2-dev'

servers='kube-apiserver kube-controller-manager kube-scheduler kubelet'

build() {
	local server
	# GOPATH mode: with modules Go wants go.mod to list what Debian's patches vendored
	export PATH=/usr/lib/go-1.19/bin:$PATH GO111MODULE=off GOFLAGS='' GOPROXY=off CGO_ENABLED=0 \
		GOPATH=$work/go GOCACHE=$work/go-cache
	mkdir -p "$GOPATH/src/k8s.io" "$out/bin"
	ln -s "$src" "$GOPATH/src/k8s.io/kubernetes"
	cd "$GOPATH/src/k8s.io/kubernetes"
	newer_reflect2
	generate_openapi
	for server in $servers; do
		# the tags leave out the SDKs of clouds and Docker
		go build -trimpath -tags providerless,dockerless -ldflags "$(link_flags)" \
			-o "$out/bin/$server" "./cmd/$server"
	done
}

# The vendored 1.0.1, built with Go 1.18 or newer, ends the API server with
# SIGSEGV at the first pod (iteration over maps): Debian's package has 1.0.2.
newer_reflect2() {
	local dir=vendor/github.com/modern-go/reflect2
	rm -f $dir/*.go $dir/*.s
	cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.go $dir/
}

# The one generated file that the source has not.
generate_openapi() {
	local dirs
	go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
	dirs=$(grep -rlE --include='*.go' '^// *\+k8s:openapi-gen=' pkg staging/src/k8s.io |
		xargs -n1 dirname | sed 's,^staging/src/,vendor/,' |
		grep -v -e code-generator -e sample-apiserver | sort -u |
		sed 's,^,k8s.io/kubernetes/,' | paste -sd,)
	"$work/openapi-gen" --logtostderr -i "$dirs" -p k8s.io/kubernetes/pkg/generated/openapi \
		-O zz_generated.openapi -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
		-r "$work/openapi-violations"
}

link_flags() {
	local where flags='-s -w'
	for where in component-base/version client-go/pkg/version; do
		where=k8s.io/kubernetes/vendor/k8s.io/$where
		flags+=" -X $where.gitVersion=v1.20.2 -X $where.gitMajor=1 -X $where.gitMinor=20"
		flags+=" -X $where.gitTreeState=clean"
	done
	echo "$flags"
}
