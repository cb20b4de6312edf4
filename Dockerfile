# Debian 12 with every tool that Pagoda's make targets need, so that they install nothing:
#     docker build -t pagoda . && docker run -it --rm -v "$PWD:/pagoda" pagoda make test
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git make
# The Makefile lists the packages. Only it and its installer are copied into the image.
COPY Makefile /setup/
COPY tools/setup.sh /setup/tools/
RUN make -C /setup need-test need-lint && make -C /setup need-build CC=clang
WORKDIR /pagoda
