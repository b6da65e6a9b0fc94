# SPDX-License-Identifier: Apache-2.0
#
# Builds cwmpd and puts it where a system looks for it. Distributions, images and people use the same rules.
#
#   make build                                   everything that is installed, as cargo does it
#   make install DESTDIR=/tmp/root               into a folder; nothing is built
#   make install CARGO_OUT=elsewhere/release     what another call of cargo has built
#   make install PLUGINS="device_info network"   with these plugins and no others
#   make install-plugin-wifi DESTDIR=...         one plugin alone
#
# SYSTEMD=no leaves out units, users and activation, SYSV=yes adds a script for init, ENABLE=yes starts the agent at boot.

prefix = /usr
bindir = $(prefix)/bin
libexecdir = $(prefix)/libexec
libdir = $(prefix)/lib
includedir = $(prefix)/include
datadir = $(prefix)/share
sysconfdir = /etc
localstatedir = /var

# The folder of state, on a partition that survives: for the units, the script of init, and what makes the folder.
STATEDIR = $(localstatedir)/lib/cwmpd
# Manifests and libraries of plugins.
plugindir = $(libdir)/cwmpd/plugins
confdir = $(sysconfdir)/cwmpd
pkgdatadir = $(datadir)/cwmpd
kitdir = $(pkgdatadir)/kit
dbusdir = $(datadir)/dbus-1
unitdir = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d

# Besides those of a box: demo and demo_c show what a plugin is, cellular is `mapping` with ModemManager.
PLUGINS = device_info network users mapping wifi storage
SYSTEMD = yes
SYSV = no
ENABLE = no
KIT = yes

CARGO = cargo
CARGO_FLAGS = --release --locked
# Where cargo puts what it builds.
CARGO_OUT = target/release
# A cwmpctl that runs on this machine, to write its own completions. Empty: there are none.
CWMPCTL = $(CARGO_OUT)/cwmpctl

INSTALL = install
INSTALL_PROGRAM = $(INSTALL) -m 755
INSTALL_DATA = $(INSTALL) -m 644

# The folder in which a plugin is: device_info is in plugins/device-info.
folder_of = $(if $(filter cellular,$(1)),plugins/mapping,plugins/$(subst _,-,$(1)))
# One line of a manifest.
word_of = $(shell sed -n 's/^$(2) *= *"\(.*\)"/\1/p' $(call folder_of,$(1))/$(1).toml)
library_of = $(call word_of,$(1),library)
user_of = $(call word_of,$(1),user)
# The crate that makes the library of a plugin; the one in C has none.
crate_of = $(shell sed -n '/^\[package\]/,/^$$/s/^name *= *"\(.*\)"/\1/p' $(call folder_of,$(1))/Cargo.toml 2>/dev/null)

empty =
space = $(empty) $(empty)
# What the programs have built in; other places have to be said to them.
host_flags = $(if $(filter-out /usr/lib/cwmpd/plugins,$(plugindir)),$(space)--manifests $(plugindir))
host_flags += $(if $(filter-out /etc/cwmpd,$(confdir)),--overlays $(confdir)/plugins)
agent_flags = $(if $(filter-out /etc/cwmpd,$(confdir)),$(space)--config $(confdir)/cwmpd.toml)

# What is written, not copied, is for everybody to read as well, whoever installs it.
READABLE = umask 022 &&

# The files of agent/system name the usual places.
PLACES = $(READABLE) sed \
	-e 's|/usr/libexec/cwmp-plugin-host|$(libexecdir)/cwmp-plugin-host|g' \
	-e 's|/usr/bin/cwmp|$(bindir)/cwmp|g' \
	-e 's|/var/lib/cwmpd|$(STATEDIR)|g' \
	-e 's|/etc/cwmpd|$(confdir)|g' \
	-e 's|/etc/default|$(sysconfdir)/default|g' \
	-e 's|^ExecStart=$(libexecdir)/cwmp-plugin-host %i|&$(host_flags)|' \
	-e 's|^ExecStart=$(bindir)/cwmpd|&$(agent_flags)|'

.PHONY: all build install install-agent install-host install-ctl install-schemas install-plugins install-kit install-sysv
all: build

build:
	$(CARGO) build $(CARGO_FLAGS) -p cwmpd -p cwmp-plugin-host -p cwmpctl \
		$(patsubst %,-p %,$(sort $(foreach plugin,$(PLUGINS),$(call crate_of,$(plugin)))))
	$(if $(filter demo_c,$(PLUGINS)),$(MAKE) -C plugins/demo-c OUT=$(abspath $(CARGO_OUT)))

install: install-agent install-host install-ctl install-schemas install-plugins
install: $(if $(filter yes,$(KIT)),install-kit) $(if $(filter yes,$(SYSV)),install-sysv)
install-plugins: $(PLUGINS:%=install-plugin-%)

# The agent: it runs without any plugin.
install-agent:
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(confdir)/cwmpd.d $(DESTDIR)$(confdir)/plugins $(DESTDIR)$(plugindir)
	$(INSTALL) -d $(DESTDIR)$(pkgdatadir)/models $(DESTDIR)$(dbusdir)/system.d
	$(INSTALL) -d -m 711 $(DESTDIR)$(STATEDIR) $(DESTDIR)$(STATEDIR)/plugins
	$(INSTALL_PROGRAM) $(CARGO_OUT)/cwmpd $(DESTDIR)$(bindir)/cwmpd
	$(INSTALL_DATA) agent/model/models/*.model agent/model/models/*.profiles $(DESTDIR)$(pkgdatadir)/models
	$(INSTALL_DATA) bus-schemas/policy/org.cwmpd1.conf $(DESTDIR)$(dbusdir)/system.d
	test -e $(DESTDIR)$(confdir)/cwmpd.toml || agent/system/configuration '$(SYSTEMD)' '$(plugindir)' '$(confdir)' \
		'$(STATEDIR)' '$(pkgdatadir)' '$(libexecdir)' > $(DESTDIR)$(confdir)/cwmpd.toml
	chmod 640 $(DESTDIR)$(confdir)/cwmpd.toml
ifeq ($(SYSTEMD),yes)
	$(INSTALL) -d $(DESTDIR)$(unitdir) $(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir) $(DESTDIR)$(dbusdir)/system-services
	$(PLACES) agent/system/systemd/cwmpd.service > $(DESTDIR)$(unitdir)/cwmpd.service
	$(PLACES) agent/system/systemd/cwmpd.sysusers > $(DESTDIR)$(sysusersdir)/cwmpd.conf
	$(PLACES) agent/system/systemd/cwmpd.tmpfiles > $(DESTDIR)$(tmpfilesdir)/cwmpd.conf
	$(INSTALL_DATA) agent/system/systemd/cwmpd-reboot.path agent/system/systemd/cwmpd-reboot.service \
		agent/system/systemd/cwmp-plugins.target $(DESTDIR)$(unitdir)
	$(INSTALL_DATA) agent/system/org.cwmpd1.service $(DESTDIR)$(dbusdir)/system-services
endif
ifeq ($(SYSTEMD)$(ENABLE),yesyes)
	$(INSTALL) -d $(DESTDIR)$(unitdir)/multi-user.target.wants
	ln -sf ../cwmpd.service $(DESTDIR)$(unitdir)/multi-user.target.wants/cwmpd.service
endif

install-host:
	$(INSTALL) -d $(DESTDIR)$(libexecdir)
	$(INSTALL_PROGRAM) $(CARGO_OUT)/cwmp-plugin-host $(CARGO_OUT)/cwmp-plugin-try $(DESTDIR)$(libexecdir)
ifeq ($(SYSTEMD),yes)
	$(INSTALL) -d $(DESTDIR)$(unitdir)
	$(PLACES) agent/system/systemd/cwmp-plugin@.service > $(DESTDIR)$(unitdir)/cwmp-plugin@.service
endif

install-ctl:
	$(INSTALL) -d $(DESTDIR)$(bindir)
	$(INSTALL_PROGRAM) $(CARGO_OUT)/cwmpctl $(DESTDIR)$(bindir)/cwmpctl
ifneq ($(CWMPCTL),)
	$(INSTALL) -d $(DESTDIR)$(datadir)/bash-completion/completions $(DESTDIR)$(datadir)/zsh/site-functions
	$(INSTALL) -d $(DESTDIR)$(datadir)/fish/vendor_completions.d
	$(READABLE) $(CWMPCTL) completions bash > $(DESTDIR)$(datadir)/bash-completion/completions/cwmpctl
	$(READABLE) $(CWMPCTL) completions zsh > $(DESTDIR)$(datadir)/zsh/site-functions/_cwmpctl
	$(READABLE) $(CWMPCTL) completions fish > $(DESTDIR)$(datadir)/fish/vendor_completions.d/cwmpctl.fish
endif

install-schemas:
	$(INSTALL) -d $(DESTDIR)$(dbusdir)/interfaces
	$(INSTALL_DATA) bus-schemas/xml/*.xml $(DESTDIR)$(dbusdir)/interfaces

# A plugin is its library, its manifest, its right to a name on the bus, its user, and its unit with what that may do.
install-plugin-%:
	$(INSTALL) -d $(DESTDIR)$(plugindir) $(DESTDIR)$(dbusdir)/system.d
	$(INSTALL_PROGRAM) $(CARGO_OUT)/$(call library_of,$*) $(DESTDIR)$(plugindir)/$(call library_of,$*)
	$(PLACES) $(call folder_of,$*)/$*.toml > $(DESTDIR)$(plugindir)/$*.toml
	$(READABLE) sed -e 's|@NAME@|$*|g' -e 's|@USER@|$(call user_of,$*)|g' bus-schemas/policy/org.cwmpd1.Provider.NAME.conf.in \
		> $(DESTDIR)$(dbusdir)/system.d/org.cwmpd1.Provider.$*.conf
	$(if $(filter mapping cellular,$*),$(INSTALL) -d $(DESTDIR)$(pkgdatadir)/mappings)
	$(if $(filter mapping,$*),$(INSTALL_DATA) bus-schemas/mappings/hostname.toml bus-schemas/mappings/time.toml \
		$(DESTDIR)$(pkgdatadir)/mappings)
	$(if $(filter cellular,$*),$(INSTALL_DATA) bus-schemas/mappings/cellular.toml $(DESTDIR)$(pkgdatadir)/mappings)
ifeq ($(SYSTEMD),yes)
	$(INSTALL) -d $(DESTDIR)$(unitdir)/cwmp-plugins.target.wants
	ln -sf ../cwmp-plugin@.service $(DESTDIR)$(unitdir)/cwmp-plugins.target.wants/cwmp-plugin@$*.service
	if [ -d $(call folder_of,$*)/systemd/cwmp-plugin@$*.service.d ]; then \
		$(INSTALL) -d $(DESTDIR)$(unitdir)/cwmp-plugin@$*.service.d && \
		$(INSTALL_DATA) $(call folder_of,$*)/systemd/cwmp-plugin@$*.service.d/*.conf \
			$(DESTDIR)$(unitdir)/cwmp-plugin@$*.service.d; fi
	if [ '$(call user_of,$*)' != root ]; then $(INSTALL) -d $(DESTDIR)$(sysusersdir) && \
		$(READABLE) echo 'u $(call user_of,$*) - "TR-069 plugin $*"' > $(DESTDIR)$(sysusersdir)/cwmp-plugin-$*.conf; fi
endif

# What teams need to build plugins of their own: the header for C, and the kit for Rust as a workspace of its own, with the
# versions that it was tested with.
KIT_CRATES = plugins/abi plugins/sdk plugins/sdk-macros agent/model
install-kit:
	$(INSTALL) -d $(DESTDIR)$(includedir) $(DESTDIR)$(datadir)/pkgconfig $(DESTDIR)$(kitdir)
	$(INSTALL_DATA) plugins/abi/include/cwmp_plugin.h $(DESTDIR)$(includedir)/cwmp_plugin.h
	$(READABLE) sed -e 's|@prefix@|$(prefix)|' -e 's|@includedir@|$(includedir)|' -e 's|@plugindir@|$(plugindir)|' -e 's|@kitdir@|$(kitdir)|' \
		-e 's|@modeldir@|$(pkgdatadir)/models|' -e 's|@version@|$(VERSION)|' agent/system/cwmp-plugin.pc.in \
		> $(DESTDIR)$(datadir)/pkgconfig/cwmp-plugin.pc
	for crate in $(KIT_CRATES); do \
		(cd $$crate && find Cargo.toml src $$(ls -d include models examples 2>/dev/null) -type f) | while read -r file; do \
			$(INSTALL) -d "$(DESTDIR)$(kitdir)/$$crate/$$(dirname "$$file")" && \
			$(INSTALL_DATA) "$$crate/$$file" "$(DESTDIR)$(kitdir)/$$crate/$$file" || exit 1; \
		done || exit 1; \
	done
	$(READABLE) sed -e '/^members = \[/,/^\]/c members = [$(patsubst %,"%"$(comma),$(KIT_CRATES))]' -e '/^exclude = /d' Cargo.toml \
		> $(DESTDIR)$(kitdir)/Cargo.toml
	$(INSTALL_DATA) Cargo.lock LICENSE bus-schemas/policy/org.cwmpd1.Provider.NAME.conf.in $(DESTDIR)$(kitdir)

install-sysv:
	$(INSTALL) -d $(DESTDIR)$(sysconfdir)/init.d
	$(PLACES) agent/system/init.d/cwmpd > $(DESTDIR)$(sysconfdir)/init.d/cwmpd
	chmod 755 $(DESTDIR)$(sysconfdir)/init.d/cwmpd

comma = ,
VERSION := $(shell sed -n '/^\[workspace.package\]/,/^$$/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
