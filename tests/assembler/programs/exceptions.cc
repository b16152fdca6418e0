#include <string>
#include <vector>
#include <map>
#include <stdexcept>
#include <algorithm>
struct Base { virtual ~Base(){} virtual int f(int)=0; };
struct D : Base { std::string s; int f(int x) override { if (x>3) throw std::runtime_error("x"+s); return x; } };
template<class T> T sum(const std::vector<T>&v){ T t{}; for(auto&x:v) t+=x; return t; }
int g(std::map<std::string,int>&m){ try { D d; d.s="q"; return d.f(m["a"])+sum(std::vector<int>{1,2,3}); } catch(const std::exception&e){ return -1; } catch(...) { throw; } }
static thread_local int t; inline int counter(){ static int c=g(*(std::map<std::string,int>*)nullptr); return c+++t++; }
int main(){ std::vector<std::string> v{"a","b"}; std::sort(v.begin(),v.end()); return counter()+v.size(); }
