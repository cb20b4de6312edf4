# Debian 12 with all that Pagoda's make targets ask for, so that none of them installs anything:
#     docker build -t pagoda . && docker run -it --rm -v "$PWD:/pagoda" pagoda make test
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git make
# The Makefile knows the packages; of the sources only it and its installer go into the image.
COPY Makefile /setup/
COPY tools/setup.sh /setup/tools/
RUN make -C /setup need-test need-lint && make -C /setup need-build CC=clang
WORKDIR /pagoda
