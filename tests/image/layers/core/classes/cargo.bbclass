# SPDX-License-Identifier: Apache-2.0
#
# Builds as the class of the same name does, for the machine that the test runs on.
export CARGO_HOME = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}/cargo_home"
CARGO_SRC_DIR ??= ""
CARGO_MANIFEST_PATH ??= "${S}/${CARGO_SRC_DIR}/Cargo.toml"
B = "${WORKDIR}/build"
CARGO_BUILD_FLAGS = "-v --frozen --target ${HOST_TRIPLE} --release --manifest-path=${CARGO_MANIFEST_PATH}"
# What is compiled from Rust does not name the place where it was.
export RUSTFLAGS = "--remap-path-prefix=${WORKDIR}=/usr/src/debug/${PN}/${PV}"
CARGO_TARGET_SUBDIR = "${HOST_TRIPLE}/release"

cargo_do_configure () {
	mkdir -p ${CARGO_HOME} ${B}
	cat > ${CARGO_HOME}/config.toml <<- END
		[source.bitbake]
		directory = "${CARGO_HOME}/bitbake"
		[source.crates-io]
		replace-with = "bitbake"
		local-registry = "/nonexistent"
		[build]
		target-dir = "${B}/target"
	END
}

cargo_do_compile () {
	cd ${B}
	cargo build ${CARGO_BUILD_FLAGS}
}

cargo_do_install () {
	bbfatal "the libraries of a plugin do not belong into ${rustlibdir}"
}

EXPORT_FUNCTIONS do_configure do_compile do_install
